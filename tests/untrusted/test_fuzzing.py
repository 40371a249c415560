"""Whatever a file holds, it is read or refused in one line that names it: nothing else happens.

Every kind of file that a stranger may have written is tried with any bytes, with damaged valid
files, and, where it is JSON, with hostile values in every place of a valid one.
"""

import json
import os
import signal
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subliminal_bench.errors import MitigationError, ResultError
from subliminal_bench.mitigation.isolation.messages import Loaded, parsed
from subliminal_bench.results.folders import FILE_KINDS
from subliminal_bench.results.jsonfile import _digest
from subliminal_bench.results.submissions import read_submission
from subliminal_bench.results.thinned import thinned_file
from subliminal_bench.untrusted import array_archive
from tests.support.hostile import CURVES, RUNS, SUBMISSIONS, WEIGHTS
from tests.support.plugins_for_tests import one_line
from tests.support.valid_files import JSON_NAMES, NAMES, RUN, Kind, valid_files

fuzzed = settings(
    # The variable asks for more.
    max_examples=int(os.environ.get("FUZZED_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Nothing that is this small takes so long.
_SECONDS = 10


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return valid_files(tmp_path_factory.mktemp("valid"))


@contextmanager
def in_time() -> Iterator[None]:
    """What hangs ends in a failure."""

    def hung(*_: object) -> None:
        pytest.fail(f"not answered within {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def is_answered(kind: Kind, content: bytes, folder: Path) -> bool:
    """Whether the content is read, or refused in one line that names the file."""
    path = folder / "curves" / kind.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    try:
        with in_time():
            kind.read(path)
    except ResultError as error:
        return str(path) in one_line(error)
    return True


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file with some of its bytes changed, taken out, put in or doubled."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(content)))
        last = draw(st.integers(first, min(len(content), first + 40)))
        how = draw(st.sampled_from(["change", "take", "put", "double", "number"]))
        if how == "change" and last > first:
            content[first:last] = draw(st.binary(min_size=last - first, max_size=last - first))
        elif how == "take":
            del content[first:last]
        elif how == "put":
            content[first:first] = draw(st.binary(max_size=20))
        elif how == "double":
            content[first:first] = content[first:last]
        elif how == "number":
            # Sizes and places are numbers of two to eight bytes in these files.
            width, value = draw(st.sampled_from([2, 4, 8])), draw(st.integers(0, 2**64 - 1))
            content[first : first + width] = (value % 2 ** (8 * width)).to_bytes(
                width, "little"
            )
    return bytes(content)


# What Python's own writer would not write, or an honest author.
RAW = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "-0.0", "1e-999"),
    *("9" * 310, "9" * 5000, "-" + "9" * 310, "null", "true", "[]", "{}", "0", "-1"),
    *('"\\ud800"', '"\\u202e"', '"\\u0000"', '"\u200b"', '"a\\nb"', f'"{"x" * 3000}"'),
    *('{"a": 1, "a": 2}', "[" * 60 + "]" * 60, '{"a":' * 60 + "1" + "}" * 60),
    *('"../../../etc/passwd"', '"=cmd()"', '"<script>"', '"@all"', "[null]", '[["a"]]'),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
).map(json.dumps)


def ways(content: Any, *way: str | int) -> list[tuple[str | int, ...]]:
    """The way to every value, as keys and positions."""
    items: Any = ()
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    return [way, *(one for key, value in items for one in ways(value, *way, key))]


@st.composite
def edited(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file with another value or another key in one place, signed anew if possible."""
    content = json.loads(valid)
    content.pop("digest")
    way = draw(st.sampled_from(ways(content)[1:]))
    holder = content
    for key in way[:-1]:
        holder = holder[key]
    last: Any = way[-1]
    raw = draw(st.sampled_from(RAW) | json_values)
    if isinstance(holder, dict) and draw(st.booleans()):
        holder[draw(st.text(max_size=5) | st.sampled_from(["__class__", "a\u202eb"]))] = (
            holder.pop(last) if draw(st.booleans()) else "HERE"
        )
    else:
        holder[last] = "HERE"
    text = json.dumps(content).replace('"HERE"', raw)
    try:
        content = json.loads(text)
        text = json.dumps(content | {"digest": _digest(content)})
    except (ValueError, RecursionError, TypeError):
        text = text[:-1] + ', "digest": "' + "0" * 64 + '"}'
    return text.encode("utf-8", "surrogatepass")


class TestFiles:
    @fuzzed
    @given(content=st.binary(max_size=80))
    @pytest.mark.parametrize("name", NAMES)
    def test_any_bytes(
        self, name: str, content: bytes, kinds: dict[str, Kind], tmp_path: Path
    ) -> None:
        assert is_answered(kinds[name], content, tmp_path)

    @fuzzed
    @given(data=st.data())
    @pytest.mark.parametrize("name", NAMES)
    def test_damaged_files(
        self, name: str, data: st.DataObject, kinds: dict[str, Kind], tmp_path: Path
    ) -> None:
        kind = kinds[name]
        assert is_answered(kind, kind.valid, tmp_path)
        assert is_answered(kind, data.draw(damaged(kind.valid)), tmp_path)

    @fuzzed
    @given(data=st.data())
    @pytest.mark.parametrize("name", JSON_NAMES)
    def test_hostile_values_in_every_place(
        self, name: str, data: st.DataObject, kinds: dict[str, Kind], tmp_path: Path
    ) -> None:
        assert is_answered(kinds[name], data.draw(edited(kinds[name].valid)), tmp_path)

    @fuzzed
    @given(data=st.data())
    @pytest.mark.parametrize(
        ("name", "corpus"), [("run", RUNS), ("curves", CURVES), ("weights", WEIGHTS)]
    )
    def test_damaged_hostile_files(
        self,
        name: str,
        corpus: dict[str, Callable[[], bytes]],
        data: st.DataObject,
        kinds: dict[str, Kind],
        tmp_path: Path,
    ) -> None:
        small = sorted(corpus.keys() - {"bomb", "many-lists"})
        content = corpus[data.draw(st.sampled_from(small))]()
        assert is_answered(kinds[name], data.draw(damaged(content)), tmp_path)

    @fuzzed
    @given(data=st.data())
    def test_submissions(self, data: st.DataObject, tmp_path: Path) -> None:
        folder = tmp_path / "idea"
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        files = SUBMISSIONS[data.draw(st.sampled_from(sorted(SUBMISSIONS)))]
        for name, text in files.items():
            content = text.encode("utf-8", "surrogateescape")
            changed = data.draw(st.just(content) | damaged(content))
            (folder / name).write_bytes(changed)
        try:
            with in_time():
                read_submission(folder)
        except ResultError as error:
            if str(folder) not in one_line(error):
                pytest.fail(f"{error} does not name the folder")


class TestTables:
    def test_every_kind_of_file_of_a_store_is_tried(self, kinds: dict[str, Kind]) -> None:
        """A kind that is added to the store's table has to be added here."""
        assert len(FILE_KINDS) == 11
        assert kinds.keys() == set(NAMES)

    def test_thinned_curves_lie_where_they_are_looked_for(self, tmp_path: Path) -> None:
        assert thinned_file(tmp_path, RUN) == tmp_path / "curves" / "baseline.npz"


CARD = {
    "kind": "loaded",
    "number": 1,
    "undone": [],
    "plugins": [
        {
            **{"name": "idea", "title": "An idea", "access": "blind", "reference": "none"},
            **{"prior": "", "twin": {"weight": 0.0}, "hooks": ["start"], "attribute": ""},
            "source_sha256": "0" * 64,
            "parameters": [
                {
                    **{"name": "weight", "default": 1.0, "about": "strength"},
                    **{"minimum": 0.0, "maximum": None, "choices": None},
                    **{"low": 0.1, "high": 1.0, "log": True, "off": 0.0},
                }
            ],
        }
    ],
}


@fuzzed
@given(data=st.data())
def test_cards_that_a_process_sends(data: st.DataObject) -> None:
    content = data.draw(edited(json.dumps(CARD | {"digest": ""}).encode()))
    try:
        # A message has no digest.
        answer = parsed(json.dumps(_without_digest(content)).encode())
        assert isinstance(answer, Loaded)
        for plugin in answer.plugins:
            plugin.card()
    except MitigationError as error:
        one_line(error)
    except ValueError:
        # The process that sent it is ended.
        pass


def _without_digest(content: bytes) -> Any:
    found = json.loads(content)
    found.pop("digest", None)
    return found


class TestTheProperty:
    def test_it_finds_a_planted_fault(
        self, kinds: dict[str, Kind], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One of the errors that a damaged archive raises was forgotten."""
        forgotten = [one for one in array_archive._BROKEN if one is not zlib.error]
        monkeypatch.setattr(array_archive, "_BROKEN", tuple(forgotten))

        @settings(fuzzed, max_examples=1000, database=None)
        @given(data=st.data())
        def curves_are_answered(data: st.DataObject) -> None:
            kind = kinds["curves"]
            assert is_answered(kind, data.draw(damaged(kind.valid)), tmp_path)

        with pytest.raises(zlib.error):
            curves_are_answered()

    def test_it_finds_a_line_that_names_no_file(
        self, kinds: dict[str, Kind], tmp_path: Path
    ) -> None:
        def nameless(path: Path) -> None:
            try:
                kinds["seed"].read(path)
            except ResultError:
                raise ResultError("a file is damaged") from None

        assert not is_answered(replace(kinds["seed"], read=nameless), b"{", tmp_path)

    def test_it_finds_a_hang(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setitem(globals(), "_SECONDS", 1)

        def endless(path: Path) -> None:
            while path:
                pass

        with pytest.raises(pytest.fail.Exception, match="not answered"):
            is_answered(Kind("a", endless, b""), b"", tmp_path)
