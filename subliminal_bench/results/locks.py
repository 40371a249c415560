"""Claims: what this process works on, so that no other process does the same at the same time.

A claim is a lock on an empty file in the folder that is written to. The system takes the lock
back when its process ends, also by `kill -9`, so a claim never outlives its owner.
"""

import contextlib
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import remove_leftovers, system_reason

LOCK_FOLDER = ".locks"


class Locks:
    """What one process has claimed; all of it is given back at the end of `with`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Locks() as claims:
    ...     claims.take(Path(folder), "seed-0001")
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
        self.give_back()

    def give_back(self) -> None:
        """Give back all that is claimed."""
        self._held.close()

    def take(self, folder: Path, name: str, wait: bool = False) -> bool:
        """Claim something in a folder.

        What a killed process left half-written of it is removed.

        Args:
            folder: made where it is not there.
            name: what is claimed: the stem of the files that its owner may write.
            wait: until its owner gives it back.

        Returns:
            Whether it is claimed now; false where another process has it.

        Raises:
            ResultError: the folder cannot be written to, or knows no locks.
        """
        path = folder / LOCK_FOLDER / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(FileLock(path).acquire(timeout=-1 if wait else 0))
        except Timeout:
            return False
        except (OSError, RecursionError) as error:
            raise ResultError(f"cannot write {path}: {system_reason(error)}") from None
        remove_leftovers(folder, name)
        return True
