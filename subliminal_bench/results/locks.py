"""Locks: they keep two processes from doing the same work at the same time.

A lock is held on an empty file in the folder that is written to. The system releases it when
its process ends, even after `kill -9`, so a lock never outlives its owner.
"""

import contextlib
import errno
import os
import warnings
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import remove_leftovers, system_reason

LOCK_FOLDER = ".locks"


class Locks:
    """The locks that one process holds; all are released at the end of `with`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Locks() as locks:
    ...     locks.acquire(Path(folder), "seed-0001")
    True
    """

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()

    def __enter__(self) -> "Locks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Release all locks."""
        self._held.close()

    def acquire(self, folder: Path, name: str, wait: bool = False) -> bool:
        """Take a lock, and remove unfinished files that a killed owner left behind.

        Args:
            folder: created if it does not exist.
            name: the stem of the files that only the lock's owner may write.
            wait: whether to wait until another process releases it.

        Returns:
            Whether this process holds the lock now; false if another process holds it.

        Raises:
            ResultError: the folder cannot be written to, or its file system has no locks.
        """
        path = folder / LOCK_FOLDER / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with warnings.catch_warnings():
                # Where there are no locks, some versions of filelock warn, and take a file for
                # the lock; a killed owner would leave it behind.
                warnings.filterwarnings("error", "flock", UserWarning)
                self._held.enter_context(FileLock(path).acquire(timeout=-1 if wait else 0))
        except Timeout:
            return False
        except (OSError, RecursionError) as error:
            raise ResultError(f"cannot write {path}: {system_reason(error)}") from None
        except (NotImplementedError, UserWarning):
            reason = system_reason(OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)))
            raise ResultError(f"cannot write {path}: {reason}") from None
        remove_leftovers(folder, name)
        return True
