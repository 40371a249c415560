"""Training one cohort of teachers and students, and measuring what comes of it."""
