"""Training one cohort of teachers and students, and measuring the result."""
