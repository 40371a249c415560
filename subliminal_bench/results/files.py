"""Atomic writes: a file is complete or absent, even when its writer is killed."""

import contextlib
import errno
import glob
import os
import stat
import tempfile
import time
from pathlib import Path

from subliminal_bench.errors import ResultError

# Seconds after which an unfinished file counts as abandoned.
_LONGEST_WRITE = 3600.0
_REMEDIES = dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT),
    "free some space, then run the same command again: finished seeds are kept",
) | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), "make it writable, or choose another folder"
)
# What a file system without locks reports, each in its own way.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_REMEDIES |= dict.fromkeys(NO_LOCKS, "choose a folder on a file system with locks")


def write_atomically(path: Path, content: bytes, *, kept: bool = False) -> None:
    """Write or replace a file atomically: it is written completely or not at all.

    A link stays a link to the file. A device or a pipe, such as `/dev/null`, is written to: it
    must not be replaced with a file.

    Args:
        path: of the file.
        content: of the file.
        kept: whether it is one that this program keeps, in a store or a leaderboard. There, a
            stranger may have laid a link or a pipe: it is replaced. And the file is no more
            open to others than its folder.

    Raises:
        ResultError: the folder cannot be written to.
    """
    try:
        if not kept:
            if path.exists() and not path.is_file() and not path.is_dir():
                path.write_bytes(content)
                return
            if path.is_symlink():
                # Path.resolve raises RuntimeError for links that lead to one another.
                path = Path(os.path.realpath(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, path.name, older_than=_LONGEST_WRITE)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files private; restore the ordinary permissions.
            mask = os.umask(0)
            os.umask(mask)
            allowed = stat.S_IMODE(path.parent.stat().st_mode) if kept else 0o666
            # Its owner reads and replaces it in any case.
            Path(temporary).chmod((0o666 & ~mask & allowed) | (0o600 & ~mask))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except (OSError, RecursionError) as error:
        raise ResultError(f"cannot write {path}: {system_reason(error)}") from None


def make_kept_folder(folder: Path, root: Path) -> None:
    """Create a store's folder, if it is not there, with the folders between it and its root.

    A new root is its owner's alone. What is in it is as open as it is: whoever shares a store
    makes its root so.

    Args:
        folder: the root, or a folder in it.
        root: of the store; it may be a link.

    Raises:
        ResultError: it cannot be created, or a link stands in its place.
    """
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            root.mkdir(0o700)
        mode = stat.S_IMODE(root.stat().st_mode) & 0o777
        here = root
        for part in folder.relative_to(root).parts:
            here /= part
            with contextlib.suppress(FileExistsError):
                here.mkdir(mode)
            if here.is_symlink():
                raise ResultError(f"cannot write {here}: it is a link, which is not followed")
    except (OSError, RecursionError) as error:
        raise ResultError(f"cannot write {folder}: {system_reason(error)}") from None


def remove(path: Path) -> None:
    """Delete a file, if it is there.

    Raises:
        ResultError: the system refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ResultError(f"cannot delete {path}: {system_reason(error)}") from None


def remove_leftovers(folder: Path, stem: str, older_than: float = 0.0) -> None:
    """Remove the unfinished files of writers that were killed.

    Args:
        folder: of the files.
        stem: the beginning of the names of the files that were being written.
        older_than: seconds since the last write to an unfinished file.
    """
    with contextlib.suppress(OSError):
        for left in folder.glob(f".{glob.escape(stem)}.*"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime >= older_than:
                    left.unlink()


def system_reason(error: OSError | RecursionError) -> str:
    """The system's message, with the remedy if it is known."""
    if isinstance(error, RecursionError):
        return "its folders are nested too deeply"
    said = error.strerror or str(error) or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{said} ({remedy})" if remedy else said
