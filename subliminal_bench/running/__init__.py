"""Getting runs done: which seeds are missing, in which jobs, on which engine."""
