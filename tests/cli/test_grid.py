"""`grid`: a file of mitigations becomes tables; what fails is said, and is no success."""

from pathlib import Path

import pandas
import pytest

import subliminal_bench as sb
from tests.support.studies import write_source
from tests.support.terminal import Terminal


def test_a_file_becomes_a_grid(type_in: Terminal, tmp_path: Path) -> None:
    write_source(tmp_path)
    Path("set.toml").write_text(
        'protocols = ["tiny"]\nseeds = "1-2"\n\n[[run]]\nmitigation = "holds.py"\n'
        "settings = { weight = [0.1, 0.5] }\n\n[[run]]\nmitigation = 'none.py'\n"
    )
    before = type_in("grid", "set.toml", "--show", "--store", "store")
    assert "0 of 3 complete" in before.out
    assert "missing: holds.py (weight=0.1), tiny: seeds 1-2" in before.out
    done = type_in("grid", "set.toml", "--store", "store", "--device", "cpu")
    assert done.code == 1
    assert max(map(len, done.out.splitlines())) <= 80
    assert "2 of 3 complete" in done.out
    assert "failed: none.py, tiny: " in done.out
    frame = sb.grid("set.toml", run=False, store="store", device="cpu")
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.verdict.dropna()) == ["not resolvable"] * 2


@pytest.mark.parametrize("text", ["", "[[run]]\n"])
def test_a_mistake_in_the_file_is_one_line(text: str, type_in: Terminal) -> None:
    Path("set.toml").write_text(text)
    assert "set.toml" in type_in("grid", "set.toml").error
