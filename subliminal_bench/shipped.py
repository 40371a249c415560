"""Files that ship with the package but live at the project's top level."""

from pathlib import Path


def folder(name: str) -> Path:
    """`plugins` or `leaderboard`: inside an installed package, or beside it in a checkout.

    >>> (folder("plugins") / "baseline.py").is_file()
    True
    """
    package = Path(__file__).parent
    installed = package / "_shipped" / name
    return installed if installed.is_dir() else package.parent / name
