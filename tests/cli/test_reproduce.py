"""`reproduce` writes its folder, and checks what it is given before it computes."""

from pathlib import Path

import pytest

from subliminal_bench.training import first_order
from subliminal_bench.training.first_order import FirstOrderChange
from tests.support.terminal import Terminal


class TestCommand:
    def test_it_writes_the_folder_and_prints_its_page(
        self,
        type_in: Terminal,
        measured: list[FirstOrderChange],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(first_order, "measure_first_order", lambda: measured)
        ended = type_in("reproduce", "-o", "made")
        assert ended.code == 0, ended.err
        assert "93.76 ± 0.21" in ended.out
        assert ended.out.endswith("written: made\n")
        assert (tmp_path / "made" / "README.md").is_file()

    def test_a_wrong_folder_is_one_line_before_anything_is_computed(
        self, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(first_order, "measure_first_order", lambda: pytest.fail("computed"))
        assert "no such folder" in type_in("reproduce", "--published", "none").error
        assert list(tmp_path.iterdir()) == []
