"""The paper's results beside ours, from finished runs.

`published` holds and reads what was published, `tables` compares, `first_order` checks
Appendix B on a real student, `figures` draws, `folder` puts everything together.
"""

from subliminal_bench.reproduction.folder import files

__all__ = ["files"]
