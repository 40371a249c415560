"""Every hostile file that is kept is answered with one line: the same one each time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.results.array_files import read_curves, read_weights
from subliminal_bench.results.run import read_run
from subliminal_bench.results.submissions import read_submission
from tests.support import hostile
from tests.support.plugins_for_tests import one_line

READERS: dict[str, Callable[[Path], object]] = {
    "runs": read_run,
    "curves": read_curves,
    "weights": read_weights,
    "submissions": read_submission,
}
EXPECTED = hostile.expected()
NAMES = [
    *(f"runs/{name}.json" for name in hostile.RUNS),
    *(f"curves/{name}.npz" for name in hostile.CURVES),
    *(f"weights/{name}.safetensors" for name in hostile.WEIGHTS),
    *(f"submissions/{name}" for name in hostile.SUBMISSIONS),
]


def placed(name: str, folder: Path) -> Path:
    """A hostile file or submission, ready to be read."""
    kind, _, short = name.partition("/")
    if kind == "submissions":
        return hostile.lay(short, folder / short)
    kept = hostile.FOLDER / name
    if kept.exists():
        return kept
    table = {"runs": hostile.RUNS, "curves": hostile.CURVES}[kind]
    path = folder / kept.name
    path.write_bytes(table[kept.stem]())
    return path


@pytest.mark.parametrize("name", NAMES)
def test_it_is_answered_with_its_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = placed(name, tmp_path)
    with pytest.raises(ResultError) as caught:
        READERS[name.split("/")[0]](path)
    said = one_line(caught.value)
    assert said.replace(str(path), "{path}") == EXPECTED[name]
    # Nothing in a file is run.
    assert capsys.readouterr().out == ""


def test_no_line_is_left_over() -> None:
    assert list(EXPECTED) == NAMES


def test_the_kept_files_are_those_that_the_script_writes() -> None:
    made = hostile.files()
    kept = {
        path.relative_to(hostile.FOLDER).as_posix(): path.read_bytes()
        for path in hostile.FOLDER.rglob("*")
        if path.is_file() and path.name != "expected.txt"
    }
    assert kept.keys() == made.keys()
    # Another zlib may pack in other bytes; what is in them is tested above.
    assert {name: kept[name] for name in kept if "curves" not in name} == {
        name: made[name] for name in made if "curves" not in name
    }
