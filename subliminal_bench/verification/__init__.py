"""Verifying an entry by its file and by a rerun, and recording the result."""
