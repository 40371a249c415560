"""Showing the paper's results beside ours, from finished runs."""
