"""Running mitigations: finding the missing seeds, making jobs of them, and doing the jobs."""
