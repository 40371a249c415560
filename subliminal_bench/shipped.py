"""Files that ship with the package but live at the project's top level."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """`plugins` or `leaderboard`: inside an installed package, or beside it in a checkout.

    >>> (folder("plugins") / "baseline.py").is_file()
    True
    """
    return (_PACKAGE.parent if is_checkout() else _PACKAGE / "_shipped") / name


def is_checkout() -> bool:
    """Whether this package runs from a checkout rather than from an installed wheel."""
    return not (_PACKAGE / "_shipped").is_dir()
