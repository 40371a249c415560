"""Readers as plugins: what an author writes, what it is shown, and how it is run."""
