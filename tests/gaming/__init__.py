"""Files of hostile mitigations: what they do, and what becomes of it.

Those in `caught` fail a check; those in `evading` fail none; those in `worthless` are allowed.
"""
