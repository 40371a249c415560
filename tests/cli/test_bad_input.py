"""Whatever is typed, named or found in a file: it is taken, or refused in one line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import subliminal_bench
from subliminal_bench import shipped
from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.pytest_plugin.session import Wanted
from subliminal_bench.results.files import write_atomically
from subliminal_bench.results.jsonfile import StrictRecord, read_record, write_record
from subliminal_bench.results.run import Blindness, Run, RunHeader, SeedResult
from subliminal_bench.results.tolerances import Tolerances
from subliminal_bench.running.references import ReferencePlan
from subliminal_bench.verification import rerun
from tests.support.plugins_for_tests import HEAD, one_line, write
from tests.support.runs import make_run
from tests.support.terminal import Ended, Terminal

modest = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# What a shell can pass on: anything but a zero byte; lone surrogates are bytes of no UTF-8.
words = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]),
    max_size=12,
    # It asks for the traceback.
).filter(lambda text: text != "--debug")
lists = st.text(alphabet="0123456789-, \tabé", max_size=10)
numbers = (
    st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["1e999", "-1e999", "9" * 4000, "9" * 5000, "1_0", "٣", "0x10", "nan"])
)
TYPED = f"""{HEAD}
@hookimpl
def mitigation():
    return Card("typed", "Typed", parameters=(
        Parameter("whole", 1, minimum=-3, maximum=9),
        Parameter("real", 0.5, minimum=0.0),
        Parameter("free", 0.5),
        Parameter("count", 3),
        Parameter("flag", True),
        Parameter("word", "a"),
        Parameter("choice", "b", choices=("b", "c")),
    ))
"""


@pytest.fixture(autouse=True)
def _nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would train has read all that it was told: it stops there, as a command may."""

    def stopped(*arguments: Any, **keywords: Any) -> Any:
        raise BenchmarkError("nothing is trained here")

    monkeypatch.setattr(ReferencePlan, "run", stopped)
    monkeypatch.setattr(rerun, "rerun_entries", stopped)


def taken_or_refused(ended: Ended) -> None:
    """No traceback; a mistake is one line."""
    assert "Traceback" not in ended.out + ended.err
    assert ended.code in range(6), ended
    if ended.code == 2:
        assert ended.error.strip()


class TestOptions:
    @modest
    @given(text=lists | words)
    @pytest.mark.parametrize(
        "command",
        [
            ("run", "baseline", "--protocol", "tiny", "--seeds"),
            ("regress", "--protocol", "probe", "--seeds"),
        ],
        ids="{0[0]}".format,
    )
    def test_seeds(self, command: tuple[str, ...], text: str, type_in: Terminal) -> None:
        taken_or_refused(type_in(*command, text))

    @modest
    @given(
        name=st.sampled_from(["whole", "real", "free", "count", "flag", "word", "choice"])
        | words,
        value=numbers | words | st.sampled_from(["true", "No", "c"]),
        equals=st.sampled_from(["=", " = ", "", "=="]),
    )
    @example(name="count", value="9" * 4000, equals="=")
    @example(name="real", value="9" * 4000, equals="=")
    def test_settings(self, name: str, value: str, equals: str, type_in: Terminal) -> None:
        file = write(Path("typed.py"), TYPED)
        taken_or_refused(
            type_in("run", file, "--protocol", "tiny", "--set", f"{name}{equals}{value}")
        )

    @modest
    @given(option=st.sampled_from(["protocol", "device", "format", "out"]), text=words)
    def test_other_options_of_a_run(self, option: str, text: str, type_in: Terminal) -> None:
        taken_or_refused(type_in("run", "baseline", f"--{option}", text))

    @modest
    @given(
        name=words | st.sampled_from([".", "..", "/", "~", "a:b", "x.py", ":", "+", "a+", "é"])
    )
    @pytest.mark.parametrize("command", ["run", "export", "submit", "new"])
    def test_names(self, command: str, name: str, type_in: Terminal) -> None:
        taken_or_refused(type_in(command, name))

    @modest
    @given(names=st.lists(words, max_size=3))
    def test_names_to_compare(self, names: list[str], type_in: Terminal) -> None:
        taken_or_refused(type_in("compare", *names))

    @modest
    @given(text=words | st.sampled_from(["baseline", "baseline,", ",", "baseline,baseline"]))
    def test_entries_to_regress(self, text: str, type_in: Terminal) -> None:
        taken_or_refused(type_in("regress", "--protocol", "probe", "--entries", text))

    @modest
    @given(option=st.sampled_from(["--only", "--expect"]), text=words | st.just("=x"))
    def test_checks(self, option: str, text: str, type_in: Terminal) -> None:
        only = ("--only", "nothing") if option == "--expect" else ()
        taken_or_refused(type_in("check", "baseline", option, text, *only))

    @modest
    @given(
        folder=words
        | st.sampled_from(["x" * 300, "x/" * 2000, "/dev/null", "/dev/null/x", "~"])
    )
    @pytest.mark.parametrize(
        "command",
        [
            ("export", "baseline", "--protocol", "tiny", "--store"),
            ("run", "baseline", "--protocol", "mnist", "--data-dir"),
            ("leaderboard", "--check", "--leaderboard"),
            ("regress", "--protocol", "probe", "--leaderboard"),
        ],
        ids="{0[0]}".format,
    )
    def test_folders(self, command: tuple[str, ...], folder: str, type_in: Terminal) -> None:
        taken_or_refused(type_in(*command, folder))

    @modest
    @given(
        variable=st.sampled_from(
            ["SUBLIMINAL_BENCH_STORE", "SUBLIMINAL_BENCH_DATA", "COLUMNS", "CI", "NO_COLOR"]
        ),
        value=words | numbers.filter(lambda text: len(text) < 20),
    )
    @pytest.mark.slow
    def test_environment_variables(
        self, variable: str, value: str, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            taken_or_refused(type_in("export", "baseline", "--protocol", "tiny"))
            taken_or_refused(type_in("list"))

    @pytest.mark.parametrize("folder", ["x" * 300, "x/" * 2000, "/dev/null/x"])
    def test_folders_that_cannot_be_made(self, folder: str, type_in: Terminal) -> None:
        assert type_in("new", "an_idea", "--folder", folder).error


class TestStoreFolders:
    @modest
    @given(name=words.filter(lambda text: text.strip("./")))
    def test_a_folder_of_any_name_can_be_locked_and_filled_or_is_refused(
        self, name: str, tmp_path: Path
    ) -> None:
        from subliminal_bench.results.locks import Locks

        folder = tmp_path / "stores" / name.replace("/", "_") / "baseline-[*]?"
        try:
            with Locks() as locks:
                assert locks.acquire(folder, "seed-0001")
                write_atomically(folder / "seed-0001.json", b"{}")
        except ResultError as error:
            one_line(error)
        else:
            assert (folder / "seed-0001.json").read_bytes() == b"{}"


# What JSON can say.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
) | st.sampled_from([10**400, -(10**400), 1e308, "\ud800", {"\ud800": 1}])
A_RUN = make_run("halve", [0.5, None])
WHOLE: dict[str, tuple[type[StrictRecord], Callable[[], StrictRecord]]] = {
    "run": (Run, lambda: A_RUN),
    "header": (
        RunHeader,
        lambda: RunHeader(**{name: getattr(A_RUN, name) for name in RunHeader.model_fields}),
    ),
    "seed": (SeedResult, lambda: A_RUN.seeds[0]),
    "blindness": (Blindness, lambda: Blindness(seed=1, shown=True)),
    "tolerances": (
        Tolerances,
        lambda: read_record(
            Tolerances, shipped.folder("leaderboard") / "tolerances" / "probe.json", False
        ).model_copy(update={"chaos": []}),
    ),
}


def places(content: Any, *way: str | int) -> list[tuple[str | int, ...]]:
    """The way to every value, as keys and positions."""
    items: Any = ()
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    return [way, *(place for key, value in items for place in places(value, *way, key))]


class TestFiles:
    @modest
    @given(data=st.data())
    @pytest.mark.parametrize("name", WHOLE)
    def test_any_value_in_any_place_is_read_or_refused(
        self, name: str, data: st.DataObject, tmp_path: Path
    ) -> None:
        kind, whole = WHOLE[name]
        path = tmp_path / "file.json"
        write_record(path, whole())
        content = json.loads(path.read_text())
        if data.draw(st.booleans(), "without a digest"):
            del content["digest"]
        place = data.draw(st.sampled_from(places(content)))
        new = data.draw(json_values)
        if place:
            holder = content
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = new
        path.write_text(json.dumps(content if place else new))
        self.read_or_refused(kind, path)

    @modest
    @given(
        content=st.binary(max_size=60) | json_values.map(lambda one: json.dumps(one).encode())
    )
    @pytest.mark.parametrize("name", WHOLE)
    def test_any_bytes_are_read_or_refused(
        self, name: str, content: bytes, tmp_path: Path
    ) -> None:
        path = tmp_path / "file.json"
        path.write_bytes(content)
        self.read_or_refused(WHOLE[name][0], path)

    @staticmethod
    def read_or_refused(kind: type[StrictRecord], path: Path) -> None:
        try:
            read_record(kind, path, digest_required=False)
        except ResultError as error:
            message = one_line(error)
            if str(path) not in message:
                pytest.fail(f"{message} does not name the file")

    @modest
    @given(
        content=st.binary(max_size=60) | words.map(lambda one: one.encode("utf-8", "replace"))
    )
    def test_any_bytes_are_a_mitigation_or_refused(
        self, content: bytes, type_in: Terminal
    ) -> None:
        Path("idea.py").write_bytes(content)
        taken_or_refused(type_in("run", "idea.py", "--protocol", "tiny"))


class TestPytestOptions:
    def test_no_entries_to_regress_are_one_line(self) -> None:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("--subliminal-regress", "--subliminal-entries", ","),
                str(Path(subliminal_bench.__file__).parent / "suite"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout
        assert "write different names" in done.stdout + done.stderr
        assert "test_regression.py:" not in done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("mitigation", "nope"),
            ("mitigation", "\udcff"),
            ("protocol", "nope"),
            ("seeds", "1-"),
            ("device", "tpu"),
            ("set", "x"),
            ("store", "/dev/null/x"),
        ],
    )
    def test_a_mistake_in_an_option_fails_in_one_line(
        self, option: str, value: str, monkeypatch: pytest.MonkeyPatch, pytestconfig: Any
    ) -> None:
        from subliminal_bench.pytest_plugin.session import Scorecards

        chosen: dict[str, Any] = {
            "--subliminal-mitigation": "baseline",
            "--subliminal-protocol": "tiny",
            "--subliminal-seeds": "1",
            "--subliminal-device": "cpu",
            "--subliminal-data-dir": None,
            "--subliminal-store": None,
            "--subliminal-engine": "local",
            "--subliminal-isolate": False,
            "--subliminal-isolate-timeout": None,
            "--subliminal-isolate-memory": None,
            "--subliminal-rerun-references": False,
            "--subliminal-measure-every": 1,
            "--subliminal-no-weights": False,
            "--subliminal-set": [],
        }
        chosen[f"--subliminal-{option}"] = [value] if option == "set" else value

        class Config:
            rootpath = Path()

            def getoption(self, name: str) -> Any:
                return chosen[name]

        cards = Scorecards(Config())  # type: ignore[arg-type]
        unmarked = SimpleNamespace(get_closest_marker=lambda _: None)
        wanted: Wanted = cards.wanted(unmarked)  # type: ignore[arg-type]
        with pytest.raises(pytest.fail.Exception) as caught:
            cards.of(wanted)
        assert len(str(caught.value).splitlines()) == 1
        assert not caught.value.pytrace
