"""Mitigations: what authors write, and how it is loaded, called and checked."""
