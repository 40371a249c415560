"""Looking for a mitigation's best settings, on seeds that decide nothing else."""
