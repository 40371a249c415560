"""Output for people: tables, text, exports, the leaderboard's page and report pages."""
