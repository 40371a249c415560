"""Files that a stranger may have written: they are read here, and nowhere else."""
