"""`check` ends with 0 where the rules are kept, and else says how to mend."""

from pathlib import Path

import pytest

from subliminal_bench.conformance import CHECKS, SMALL, overhead
from tests.support.broken import BROKEN
from tests.support.mitigation_files import source
from tests.support.plugins_for_tests import write
from tests.support.terminal import Terminal


class TestOnTheCommandLine:
    @pytest.mark.slow
    def test_a_mitigation_that_keeps_the_rules_ends_with_0_and_its_overhead(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(overhead, "PROBE", SMALL)
        done = type_in("check", "random_projection")
        assert done.code == 0, done.out + done.err
        assert max(map(len, done.out.splitlines())) <= 80
        assert [line.split()[1] for line in done.out.splitlines()[: len(CHECKS)]] == [*CHECKS]
        assert "overhead: a step takes" in done.out
        assert done.out.splitlines()[-1] == f"{len(CHECKS)} passed"

    def test_one_that_breaks_them_ends_with_1_and_says_how_to_mend_it(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "cohort.py", BROKEN["norm over the cohort"].source)
        done = type_in("check", path, "--only", "loads,any_cohort_size,finite")
        assert done.code == 1, done.out + done.err
        assert max(map(len, done.out.splitlines())) <= 80
        for words in ("found:", "why:", "fix:", CHECKS["any_cohort_size"].fix):
            assert words in " ".join(done.out.split())
        assert done.out.splitlines()[-1] == "2 passed, 1 failed"
        assert "overhead" not in done.out

    def test_a_declared_failure_ends_with_0_and_an_idle_declaration_with_1(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "idle.py", source())
        only = ("--only", "loads,has_hooks")
        declared = type_in("check", path, *only, "--expect", "has_hooks=it is a control")
        assert declared.code == 0, declared.out
        assert "it is a control" in declared.out
        assert type_in("check", "frozen", *only, "--expect", "has_hooks=no").code == 1

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--only", "loads,finit"), "'finit'"),
            (("--expect", "finit=why"), "'finit'"),
            (("--expect", "finite"), "CHECK=REASON"),
            (("--expect", "finite="), "CHECK=REASON"),
        ],
    )
    def test_a_mistake_in_the_command_ends_with_2_and_one_line(
        self, options: tuple[str, str], said: str, type_in: Terminal
    ) -> None:
        assert said in type_in("check", "baseline", *options).error

    @pytest.mark.parametrize(
        "words", [("nowhere.py",), ("nobody",), ("liminal", "--set", "lamda0=1")]
    )
    def test_a_mitigation_that_is_not_there_ends_with_2_and_one_line(
        self, words: tuple[str, ...], type_in: Terminal
    ) -> None:
        assert words[-1].split("=")[0] in type_in("check", *words).error
