"""What people read: tables, text, exports, the leaderboard's page, report pages."""
