"""The reference entries: every scorecard holds a mitigation against these."""

BASELINE = "baseline"
REFERENCES = (BASELINE, "projection", "liminal")
