"""Somebody's entry held to its file and to a rerun, and what is kept of that."""
