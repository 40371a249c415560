"""A leaderboard as static pages."""
