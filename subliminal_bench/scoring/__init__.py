"""Scoring: paired comparisons, the verdict, the scorecard and the ranking."""
