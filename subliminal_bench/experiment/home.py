"""Folders that a user names from a home folder, as in `~/results`."""

from pathlib import Path

from subliminal_bench.errors import BenchmarkError


def expanded(folder: Path) -> Path:
    """The folder with `~` replaced by a home folder.

    Raises:
        BenchmarkError: there is no such user, or no home folder, as in some containers.

    >>> expanded(Path("results"))
    PosixPath('results')
    """
    try:
        return folder.expanduser()
    except RuntimeError:
        raise BenchmarkError(
            f"{folder}: there is no such home folder", "write the folder's full path"
        ) from None
