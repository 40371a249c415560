"""Reading a file that a stranger may have put there: whole, once, and no more than it may be.

A name in a folder can stand for a link to somebody else's file, a pipe that never ends, or a
file that fills the memory. Everything is judged on the open file, so that nothing can be put in
its place between the look and the reading.
"""

import errno
import os
import stat
from pathlib import Path

from subliminal_bench.errors import NoSuchFileError, ResultError

# Not on every system; there, a link is looked for before the file is opened.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# A pipe that nobody writes to would be waited for.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
_FLAGS = os.O_RDONLY | _AT_ONCE | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
_PART = 2**20
_SHARED = stat.S_IWGRP | stat.S_IWOTH
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(
    path: Path, most: int, root: Path | None = None, *, owned: bool = False
) -> bytes:
    """The content of a regular file.

    Args:
        path: of the file; a link is followed if there is no `root`: the user has named it.
        most: bytes that an honest file of its kind has.
        root: a folder that the file must be in. It may be a link itself; below it, no link is
            followed, in whatever part of the path.
        owned: whether the file must be this user's, the system's or the root's owner's, unless
            the root is a folder into which others may write.

    Raises:
        NoSuchFileError: there is no such file.
        ResultError: it is something else, too large, somebody else's, or cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = Path(folder, "a.json").write_bytes(b"{}")
    ...     read_bytes(Path(folder, "a.json"), 10, Path(folder))
    b'{}'
    """
    owners = None
    try:
        if root is None:
            handle = os.open(path, _FLAGS)
        else:
            handle, owners = _open_below(path, root)
    except FileNotFoundError:
        raise NoSuchFileError(f"no such file: {path}") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            kind = next((name for test, name in _KINDS if test(found.st_mode)), "no file")
            raise ResultError(f"cannot read {path}: it is {kind}, not a file")
        if owned and owners is not None and found.st_uid not in owners:
            raise ResultError(
                f"cannot read {path}: it belongs to another user (number {found.st_uid})",
                "delete it if you do not know who wrote it",
            )
        return _content(handle, path, found.st_size, most)
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(handle)


class _Anyone:
    """All owners."""

    def __contains__(self, owner: object) -> bool:
        return True


def _open_below(path: Path, root: Path) -> tuple[int, "frozenset[int] | _Anyone"]:
    """Open a file part by part, without following a link, and tell who may own it."""
    *folders, name = path.relative_to(root).parts
    if ".." in folders:
        raise ValueError("its path leads out of its folder")
    if os.open not in os.supports_dir_fd:
        return _open_by_path(path, root), _Anyone()
    here = os.open(root, _FLAGS | os.O_DIRECTORY)
    try:
        known = os.fstat(here)
        shared = known.st_mode & _SHARED
        owners = _Anyone() if shared else frozenset({known.st_uid, os.getuid(), 0})
        for folder in folders:
            below = _open_here(folder, here, os.O_DIRECTORY)
            os.close(here)
            here = below
        return _open_here(name, here), owners
    finally:
        os.close(here)


def _open_here(name: str, folder: int, flags: int = 0) -> int:
    try:
        return os.open(name, _FLAGS | _NO_LINK | flags, dir_fd=folder)
    except OSError as error:
        # Systems have different numbers for a link that is not followed.
        if error.errno != errno.ENOENT and _is_link(name, folder):
            raise ValueError(f"{name} is a link, which is not followed here") from None
        raise


def _is_link(name: str, folder: int) -> bool:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode)


def _open_by_path(path: Path, root: Path) -> int:
    """Open a file on a system without folders' handles."""
    for part in (path, *path.parents):
        if part == root:
            break
        if part.is_symlink():
            raise ValueError(f"{part.name} is a link, which is not followed here")
    return os.open(path, _FLAGS | getattr(os, "O_BINARY", 0))


def _content(handle: int, path: Path, size: int, most: int) -> bytes:
    parts: list[bytes] = []
    left = most + 1
    # The size is a hint only: the file may grow meanwhile.
    while size <= most and left > 0 and (part := os.read(handle, min(left, _PART))):
        parts.append(part)
        left -= len(part)
    if size > most or left <= 0:
        raise ResultError(
            f"cannot read {path}: it has more than {most} bytes, and no file of its kind has"
        )
    return b"".join(parts)


def _unreadable(path: Path, error: OSError | ValueError) -> ResultError:
    said = error.strerror if isinstance(error, OSError) else str(error)
    return ResultError(f"cannot read {path}: {said or type(error).__name__}")
