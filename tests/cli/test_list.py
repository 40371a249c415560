"""`list` shows what is installed, whatever package is broken."""

from pathlib import Path

import pytest

from tests.support.plugins_for_tests import write
from tests.support.terminal import Terminal


class TestList:
    def test_it_shows_protocols_mitigations_hooks_and_parameters(
        self, type_in: Terminal
    ) -> None:
        done = type_in("list")
        assert done.code == 0
        for words in ["mnist-5k", "mnist ", "baseline", "trait-gradient", "distill_gradient"]:
            assert words in done.out
        assert "lambda0=1.0" in done.out
        assert "the robust set, for --track: mnist, permuted, skill" in " ".join(
            done.out.split()
        )
        assert "Gradient projection (oracle)" in done.out
        # The longest name is whole.
        assert "projection_whole_audit" in done.out
        assert max(map(len, done.out.splitlines())) <= 80

    @pytest.mark.parametrize("text", ["plain", "[/red] in brackets", "[bold]"])
    def test_a_broken_package_hides_no_other(
        self, text: str, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        info = tmp_path / "site" / "from_afar-1.0.dist-info"
        write(info / "METADATA", "Metadata-Version: 2.1\nName: from-afar\nVersion: 1.0\n")
        write(info / "entry_points.txt", "[subliminal_bench]\nafar = broken_module_from_afar\n")
        write(tmp_path / "site" / "broken_module_from_afar.py", f"raise ValueError({text!r})\n")
        monkeypatch.syspath_prepend(tmp_path / "site")
        done = type_in("list")
        assert done.code == 0
        assert "afar" in done.out
        assert "liminal" in done.out
        assert text in " ".join(done.out.split())
