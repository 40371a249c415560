"""Where locks cannot be kept, nothing is locked, and a line says so."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import NO_LOCKS
from subliminal_bench.results.locks import Locks
from tests.support.plugins_for_tests import one_line


@pytest.mark.parametrize("number", NO_LOCKS, ids=errno.errorcode.get)
@pytest.mark.parametrize("wait", [False, True])
def test_a_file_system_without_locks_is_one_line(
    number: int, wait: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Locks() as locks, pytest.raises(ResultError) as caught:
        locks.acquire(tmp_path, "seed-0001", wait)
    assert "choose a folder on a file system with locks" in one_line(caught.value)


def test_a_lock_that_another_process_holds_is_no_error(tmp_path: Path) -> None:
    with Locks() as ours, Locks() as theirs:
        assert ours.acquire(tmp_path, "seed-0001")
        assert not theirs.acquire(tmp_path, "seed-0001")
        ours.release()
        assert theirs.acquire(tmp_path, "seed-0001")
