"""Whatever is typed: no command ever ends in a bug, and a mistake is one readable line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subliminal_bench.experiment import seed_ranges
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.reports import page
from subliminal_bench.results import environment
from subliminal_bench.results.run import MitigationRecord, Run
from subliminal_bench.running import setup
from subliminal_bench.running.bench import Bench
from tests.support.plugins_for_tests import HEAD, write
from tests.support.runs import keep, make_run
from tests.support.terminal import ON_TINY, Terminal
from tests.support.typed import CODES, is_answer, is_shown, words

fuzzed = settings(
    max_examples=30,
    deadline=None,
    # The folder of one test serves all of its examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# In the working folder, because everything is typed by a user who may write anywhere.
paths = words.map(lambda text: text.replace("..", "").lstrip("/~")) | st.sampled_from(
    [
        *("~/new", "~nobody-of-that-name/x", "/dev/null/x", "/proc/x", "typed.py"),
        *("typed.py/x", "x" * 300, "x/" * 2000, "x" * 250 + ".json", "é" * 120 + ".json"),
    ]
)
seeds = st.text("0123456789-, \té\n", max_size=8) | words
protocols = words | st.sampled_from(["tiny", "tiny-v1", "mnist-v1", "probe", "TINY"])
formats = words | st.sampled_from(["terminal", "markdown", "json", "csv", "JSON"])

TYPED = f"""{HEAD}
@hookimpl
def mitigation():
    return Card("typed", "A | <b>typed</b> *title*", reference="[a](b)", parameters=(
        Parameter("number", 0.5, maximum=9.0),
        Parameter("count", 3),
        Parameter("flag", True),
        Parameter("word", "a"),
        Parameter("choice", "b", choices=("b", "c")),
    ))
"""


def trivial_run(
    bench: Bench,
    mitigations: list[Mitigation],
    wanted: tuple[int, ...],
    *choices: object,
) -> list[Run]:
    """Results as if every student came out alike; only their header is written."""
    runs = []
    for one in mitigations:
        bench._folder(one).mark_used()
        made = make_run(one.name, [0.5] * len(wanted), protocol=bench.protocol)
        numbered = [
            result.model_copy(update={"seed": seed})
            for result, seed in zip(made.seeds, wanted, strict=True)
        ]
        record = MitigationRecord.of(one)
        runs.append(made.model_copy(update={"mitigation": record, "seeds": numbered}))
    return runs


@pytest.fixture
def typed(
    type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Protocol
) -> Terminal:
    """Types commands where nothing is trained, in a folder with a mitigation and its runs."""
    monkeypatch.setattr(Bench, "run", trivial_run)
    monkeypatch.setattr(environment, "_checkout", lambda: (None, None))
    monkeypatch.setattr(page, "render_report", lambda *_: "a page")
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "typed.py", TYPED)
    # `submit` writes into the leaderboard that is here, else into that of the checkout.
    (tmp_path / "leaderboard" / "entries").mkdir(parents=True)
    for name in ("typed", "baseline", "projection", "liminal"):
        keep(tmp_path / "subliminal-results", make_run(name, [0.5, 0.4], protocol=tiny))
    return type_in


class TestRun:
    @fuzzed
    @given(
        name=st.sampled_from(["number", "count", "flag", "word", "typed.word", "choice"])
        | words,
        value=words | st.sampled_from(["1", "nan", "1e999", "9" * 5000, "true", "c"]),
        equals=st.sampled_from(["=", "", "=="]),
        form=st.sampled_from(["terminal", "markdown", "json"]),
    )
    def test_settings(
        self, name: str, value: str, equals: str, form: str, typed: Terminal
    ) -> None:
        setting = f"{name}{equals}{value}"
        ended = typed("run", "typed.py", *ON_TINY, "--set", setting, "--format", form)
        assert is_shown(ended)

    @fuzzed
    @given(text=seeds)
    def test_seeds(self, text: str, typed: Terminal) -> None:
        assert is_answer(typed("run", "typed.py", *ON_TINY, "--seeds", text))

    @fuzzed
    @given(name=words | st.sampled_from(["typed.py+baseline", "typed.py:x", "os:path", "a+"]))
    def test_names(self, name: str, typed: Terminal) -> None:
        assert is_answer(typed("run", name, *ON_TINY))

    @fuzzed
    @given(option=st.sampled_from(["--store", "--data-dir", "--out"]), path=paths)
    def test_paths(self, option: str, path: str, typed: Terminal) -> None:
        assert is_answer(typed("run", "typed.py", *ON_TINY, "--seeds", "1", option, path))

    @fuzzed
    @given(
        option=st.sampled_from(["--device", "--engine", "--isolate-timeout"]),
        text=words | st.sampled_from(["inf", "nan", "1e300"]),
    )
    def test_other_options(self, option: str, text: str, typed: Terminal) -> None:
        isolate = ["--isolate"] if option == "--isolate-timeout" else []
        assert is_answer(typed("run", "nowhere.py", *ON_TINY, *isolate, option, text))


class TestOtherCommands:
    @fuzzed
    @given(
        command=st.sampled_from(["export", "submit", "report", "verify", "explain", "new"]),
        name=words | st.sampled_from(["typed", "typed.py", "subliminal-results"]),
    )
    def test_names(self, command: str, name: str, typed: Terminal) -> None:
        assert is_answer(typed(command, name))

    @fuzzed
    @given(name=st.sampled_from(["typed", "liminal", "baseline"]) | words)
    def test_names_to_compare(self, name: str, typed: Terminal) -> None:
        assert is_shown(typed("compare", "baseline", name, "--protocol", "tiny"))

    @fuzzed
    @given(
        command=st.sampled_from(
            [
                ("export", "typed", "--out"),
                ("export", "typed", "--store"),
                ("report", "liminal", "--protocol", "mnist-5k", "-o"),
                ("report", "typed", "--store"),
                ("doctor", "--store"),
                ("doctor", "--data-dir"),
                ("store", "list", "--store"),
                ("store", "verify", "--store"),
                ("leaderboard", "--check", "--leaderboard"),
                ("regress", "--protocol", "probe", "--leaderboard"),
                ("new", "an_idea", "--folder"),
            ]
        ),
        path=paths,
    )
    def test_paths(self, command: tuple[str, ...], path: str, typed: Terminal) -> None:
        assert is_answer(typed(*command, path))

    @fuzzed
    @given(
        command=st.sampled_from(
            [("run", "typed.py"), ("export", "typed"), ("compare", "typed", "baseline")]
        ),
        protocol=protocols,
        form=formats,
    )
    def test_protocols_and_formats(
        self, command: tuple[str, ...], protocol: str, form: str, typed: Terminal
    ) -> None:
        assert is_shown(typed(*command, "--protocol", protocol, "--format", form))

    @fuzzed
    @given(command=st.sampled_from([("store", "list"), ("doctor",)]), form=words)
    def test_formats_of_lists(
        self, command: tuple[str, ...], form: str, typed: Terminal
    ) -> None:
        assert is_answer(typed(*command, "--format", form))

    @fuzzed
    @given(option=st.sampled_from(["--seeds", "--entries"]), text=seeds)
    def test_regressions(self, option: str, text: str, typed: Terminal) -> None:
        assert is_shown(typed("regress", "--protocol", "probe", option, text))

    @fuzzed
    @given(arguments=st.lists(words, min_size=1, max_size=3))
    def test_anything_at_all(self, arguments: list[str], typed: Terminal) -> None:
        assert is_answer(typed(*arguments))


class TestTheProperty:
    def test_it_finds_a_planted_fault(
        self, typed: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def faulty(chosen: str, protocol: Protocol) -> tuple[int, ...]:
            if "," in chosen:
                raise ZeroDivisionError("planted")
            return seed_ranges.parse_seeds(chosen, protocol)

        monkeypatch.setattr(setup, "parse_seeds", faulty)
        codes = []

        @settings(fuzzed, max_examples=200, database=None)
        @given(text=seeds)
        def seeds_are_answered(text: str) -> None:
            ended = typed("run", "nowhere.py", *ON_TINY, "--seeds", text)
            codes.append(ended.code)
            assert is_answer(ended)

        with pytest.raises(AssertionError):
            seeds_are_answered()
        assert codes[-1] == 70

    def test_its_exit_codes_are_documented(self) -> None:
        commands = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
        section = commands.partition("## Exit codes")[2]
        documented = {
            int(code)
            for line in section.splitlines()
            if line.startswith("| ")
            for code in line.split("|")[1].split(",")
            if code.strip().isdigit()
        }
        assert documented - CODES == {70, 130, 141}
        assert documented >= CODES
