"""What the numbers mean: paired comparisons, the verdict, the scorecard, the ranking."""
