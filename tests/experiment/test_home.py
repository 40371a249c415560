"""A folder in a home folder is found, or a line says that there is none."""

import pwd
from pathlib import Path

import pytest

from subliminal_bench.errors import BenchmarkError, DataError
from subliminal_bench.experiment.digits import cache_folder
from subliminal_bench.experiment.home import expanded
from tests.support.plugins_for_tests import one_line


def test_a_home_folder_is_filled_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded(Path("~/results")) == tmp_path / "results"
    assert expanded(Path("results/~")) == Path("results/~")


@pytest.mark.parametrize("folder", ["~/results", "~nobody-of-that-name"])
def test_a_home_folder_that_does_not_exist_is_one_line(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(BenchmarkError, match="full path") as caught:
        expanded(Path(folder))
    assert folder in one_line(caught.value)


def test_a_cache_folder_without_a_home_folder_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As platformdirs answers in some versions; in others it raises RuntimeError itself.
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "~nobody-of-that-name/.cache")
    with pytest.raises(DataError, match="no home folder") as caught:
        cache_folder()
    one_line(caught.value)
