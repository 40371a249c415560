"""Many mitigations in one go: what is missing, what failed and why, and it goes on."""

from pathlib import Path

import pytest

from subliminal_bench.results.store import Store
from subliminal_bench.running.grid import Grid
from subliminal_bench.running.progress import Silent
from subliminal_bench.running.set_file import Row, SetFile
from subliminal_bench.running.setup import Setup
from tests.support.studies import write_source

pytestmark = pytest.mark.usefixtures("tiny")


def grid(folder: Path) -> Grid:
    setup = Setup(device="cpu", store=Store(folder / "store"))
    rows = (
        Row(write_source(folder), ("weight=0.2",)),
        Row("no_such"),
        Row("early_stopping"),
    )
    return Grid(setup, SetFile(("tiny",), "1-2", rows))


class Stops(Silent):
    def doing(self, what: str) -> None:
        if what.startswith("early_stopping"):
            raise KeyboardInterrupt


def test_a_grid_says_what_is_missing_and_what_failed_and_goes_on(tmp_path: Path) -> None:
    chosen = grid(tmp_path)
    before = chosen.look()
    assert [cell.missing for cell in before] == [(1, 2)] * 3
    assert "unknown mitigation 'no_such'" in before[1].failure
    with pytest.raises(KeyboardInterrupt):
        chosen.run(Stops())
    assert [cell.is_done for cell in chosen.look()] == [True, False, False]
    cells = chosen.run()
    assert [cell.is_done for cell in cells] == [True, False, True]
    assert [bool(cell.failure) for cell in cells] == [False, True, False]
    assert [cell.card for cell in chosen.look()] == [cell.card for cell in cells]
