"""Results on disk: what is written is read back, and what was changed is refused."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.experiment.metrics import METRICS, Metric
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K
from subliminal_bench.results.files import write_atomically
from subliminal_bench.results.run import Run, SeedResult, read_run, same_protocol, write_run
from tests.support.plugins_for_tests import one_line
from tests.support.runs import ORDINARY, make_run

# The folder of one test serves all of its examples, which write over one another.
modest = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Its second seed diverged.
PLAIN = make_run("halve", [0.5, None, 0.25], kl_mean=[0.1, 0.2, 0.3])

finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.booleans() | st.integers() | finite | words


def value_of(metric: Metric) -> st.SearchStrategy[float]:
    low, high = metric.lowest, metric.highest
    return st.floats(
        low if isfinite(low) else None,
        high if isfinite(high) else None,
        allow_nan=False,
        allow_infinity=False,
    )


@st.composite
def seed_results(draw: st.DrawFn) -> list[SeedResult]:
    results = []
    for seed in sorted(draw(st.sets(st.integers(1, 3000), min_size=1, max_size=3))):
        diverged_at = draw(st.none() | st.integers(0, 300))
        metrics: dict[str, float | None] = {
            name: draw(value_of(metric)) for name, metric in METRICS.items()
        }
        if diverged_at is not None:
            lost = draw(st.sets(st.sampled_from(sorted(METRICS)), min_size=1))
            metrics |= dict.fromkeys(lost)
        results.append(SeedResult(seed=seed, metrics=metrics, diverged_at=diverged_at))
    return results


@st.composite
def runs(draw: st.DrawFn) -> Run:
    record = PLAIN.mitigation.model_dump() | {
        "name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,30}", fullmatch=True)),
        "title": draw(words),
        "reference": draw(words),
        "settings": draw(st.dictionaries(words, values, max_size=4)),
    }
    return Run.model_validate(
        PLAIN.model_dump()
        | {"mitigation": record, "seeds": [one.model_dump() for one in draw(seed_results())]}
    )


def written(folder: Path, run: Run = PLAIN) -> Path:
    path = folder / "run.json"
    write_run(path, run)
    return path


def rewritten(folder: Path, change: Callable[[Any], Any]) -> Path:
    """A written run, changed by hand; `change` returns the new content, or changes it."""
    path = written(folder)
    content = json.loads(path.read_text())
    changed = change(content)
    path.write_text(json.dumps(content if changed is None else changed))
    return path


def refused(path: Path) -> str:
    with pytest.raises(ResultError) as caught:
        read_run(path)
    message = one_line(caught.value)
    assert str(path) in message
    return message


def numbers_in(content: Any, *way: str | int) -> Iterator[tuple[str | int, ...]]:
    """The way to every number, as keys and positions."""
    items: Any = ()
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield way
    for key, value in items:
        yield from numbers_in(value, *way, key)


class TestRoundTrip:
    @modest
    @given(runs())
    def test_a_written_run_is_read_back_to_the_bit(self, tmp_path: Path, run: Run) -> None:
        again = read_run(written(tmp_path, run))
        assert again == run
        # Equality lets 1, 1.0 and True pass for one another; their text does not.
        assert repr(again) == repr(run)

    def test_the_same_run_is_the_same_file(self, tmp_path: Path) -> None:
        first = written(tmp_path / "a").read_bytes()
        assert written(tmp_path / "b").read_bytes() == first
        assert (
            written(tmp_path / "c", read_run(tmp_path / "a" / "run.json")).read_bytes() == first
        )

    def test_the_file_is_json_that_people_can_read(self, tmp_path: Path) -> None:
        run = PLAIN.model_copy(
            update={"mitigation": PLAIN.mitigation.model_copy(update={"title": "Größer ± 1"})}
        )
        text = written(tmp_path, run).read_text(encoding="utf-8")
        assert text.endswith("}\n")
        assert "Größer ± 1" in text
        assert json.loads(text)["seeds"][1]["metrics"]["trait_accuracy"] is None

    def test_a_column_follows_the_seeds_asked_for(self) -> None:
        assert PLAIN.column("kl_mean") == [0.1, None, 0.3]
        assert PLAIN.column("kl_mean", [3, 1]) == [0.3, 0.1]


class TestChangedAfterwards:
    @modest
    @given(data=st.data())
    def test_any_changed_number_is_refused(self, tmp_path: Path, data: st.DataObject) -> None:
        def change(content: Any) -> None:
            *way, last = data.draw(st.sampled_from(list(numbers_in(content))))
            holder = content
            for key in way:
                holder = holder[key]
            holder[last] += 1

        refused(rewritten(tmp_path, change))

    @pytest.mark.parametrize(
        "change",
        [
            lambda content: content["seeds"].pop(),
            lambda content: content["seeds"][0]["metrics"].update(trait_accuracy=0.1),
            lambda content: content["seeds"][1].update(diverged_at=8),
            lambda content: content["mitigation"].update(name="other"),
            lambda content: content["mitigation"].update(access="trait-gradient"),
            lambda content: content["mitigation"]["settings"].update(factor=0.5),
            lambda content: content["protocol"].update(fingerprint="0" * 64),
            lambda content: content["environment"].update(device="cuda"),
            lambda content: content.pop("digest"),
            lambda content: content.update(digest="0" * 64),
            lambda content: content.update(digest=None),
        ],
    )
    def test_any_other_change_is_refused_as_a_change(
        self, change: Callable[[Any], object], tmp_path: Path
    ) -> None:
        def changed(content: Any) -> None:
            change(content)

        assert "changed after it was written" in refused(rewritten(tmp_path, changed))

    def test_another_layout_of_the_same_content_is_no_change(self, tmp_path: Path) -> None:
        path = rewritten(tmp_path, lambda content: dict(reversed(content.items())))
        assert read_run(path) == PLAIN


def seed(content: Any) -> Any:
    return content["seeds"][0]


# What was done to a run's file, and what the line about it must say.
BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an unknown schema": (lambda c: c | {"schema_version": 2}, "schema version 2"),
    "an old schema": (lambda c: c | {"schema_version": 0}, "schema version 0"),
    "a schema in quotes": (lambda c: c | {"schema_version": "1"}, "schema version"),
    "a true schema": (lambda c: c | {"schema_version": True}, "schema"),
    "no schema": (lambda c: {k: v for k, v in c.items() if k != "schema_version"}, "schema"),
    "a list": (lambda c: [c], "schema"),
    "nothing": (lambda c: {}, "schema"),
    "no seeds": (lambda c: c | {"seeds": []}, "seeds"),
    "seeds missing": (lambda c: {k: v for k, v in c.items() if k != "seeds"}, "seeds"),
    "seeds out of order": (lambda c: c | {"seeds": c["seeds"][::-1]}, "ascending"),
    "a seed twice": (lambda c: c | {"seeds": c["seeds"][:1] * 2}, "each once"),
    "seed zero": (lambda c: seed(c).update(seed=0), "seeds.0.seed"),
    "a seed in quotes": (lambda c: seed(c).update(seed="1"), "seeds.0.seed"),
    "half a seed": (lambda c: seed(c).update(seed=1.5), "seeds.0.seed"),
    "a metric missing": (lambda c: seed(c)["metrics"].popitem() and None, "missing"),
    "an unknown metric": (lambda c: seed(c)["metrics"].update(luck=1.0), "luck"),
    "a metric in quotes": (lambda c: seed(c)["metrics"].update(kl_mean="1"), "kl_mean"),
    "a metric that is not a number": (
        lambda c: seed(c)["metrics"].update(kl_mean=float("nan")),
        "kl_mean",
    ),
    "an infinite metric": (
        lambda c: seed(c)["metrics"].update(kl_mean=float("inf")),
        "kl_mean",
    ),
    "an infinite setting": (
        lambda c: c["mitigation"]["settings"].update(factor=float("-inf")),
        "factor",
    ),
    "an unknown field": (lambda c: c | {"luck": 1}, "luck"),
    "an unknown field of two lines": (lambda c: c | {"luck\nmore": 1}, "luck"),
    "an unknown access level": (
        lambda c: c["mitigation"].update(access="oracle"),
        "mitigation.access",
    ),
    "a short digest of the source": (
        lambda c: c["mitigation"].update(source_sha256="abc"),
        "source_sha256",
    ),
    "no name": (lambda c: c["mitigation"].update(name=""), "mitigation.name"),
}


class TestBrokenFiles:
    @pytest.mark.parametrize("damage", BROKEN)
    def test_the_first_broken_place_is_named_in_one_line(
        self, damage: str, tmp_path: Path
    ) -> None:
        change, said = BROKEN[damage]
        assert said in refused(rewritten(tmp_path, change))

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b"seed,trait_accuracy\n1,0.5\n",
            b"\x00" * 100,
            b"[" * 100_000,
            b'{"schema_version": 1' + b"0" * 5000 + b"}",
        ],
        ids=["empty", "brace", "not utf-8", "csv", "zeros", "deep", "huge number"],
    )
    def test_what_is_no_json_is_one_line(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        path.write_bytes(content)
        refused(path)

    @modest
    @given(share=st.floats(0, 0.999))
    def test_a_truncated_file_is_one_line(self, tmp_path: Path, share: float) -> None:
        path = written(tmp_path)
        whole = path.read_bytes().rstrip()
        path.write_bytes(whole[: int(share * len(whole))])
        refused(path)

    def test_a_file_that_is_not_there_or_is_a_folder_is_one_line(self, tmp_path: Path) -> None:
        assert "no such file" in refused(tmp_path / "run.json")
        assert "cannot read" in refused(tmp_path)


class TestRecords:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "0.5", True])
    def test_a_metric_that_is_no_finite_number_is_never_written(self, value: Any) -> None:
        metrics: dict[str, Any] = dict.fromkeys(METRICS, 0.0) | {"kl_mean": value}
        with pytest.raises(pydantic.ValidationError):
            SeedResult(seed=1, metrics=metrics, diverged_at=None)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("trait_accuracy", 1.7),
            ("trait_accuracy", -0.1),
            ("kl_fresh", 0.0),
            ("kl_mean", -1.0),
        ],
    )
    def test_what_cannot_be_measured_is_refused(self, name: str, value: float) -> None:
        with pytest.raises(ValueError, match=f"{name} is"):
            SeedResult(seed=1, metrics={**ORDINARY, name: value}, diverged_at=None)

    @pytest.mark.parametrize(("missing", "diverged_at"), [(None, 3), ("kl_fresh", None)])
    def test_values_are_missing_exactly_where_a_student_diverged(
        self, missing: str | None, diverged_at: int | None
    ) -> None:
        metrics: dict[str, float | None] = dict(ORDINARY)
        if missing:
            metrics[missing] = None
        with pytest.raises(ValueError, match="exactly where a student diverged"):
            SeedResult(seed=1, metrics=metrics, diverged_at=diverged_at)

    def test_metrics_are_kept_in_one_order(self) -> None:
        backwards: dict[str, float | None] = dict(reversed(list(ORDINARY.items())))
        result = SeedResult(seed=1, metrics=backwards, diverged_at=None)
        assert list(result.metrics) == list(METRICS)

    def test_the_environment_says_which_code_ran(self) -> None:
        here = PLAIN.environment
        assert (here.commit is None) == (here.dirty is None)
        assert here.commit is None or len(here.commit) == 40


class TestSameProtocol:
    def test_runs_of_one_protocol_may_meet(self) -> None:
        other = make_run("other", [0.5])
        assert same_protocol([PLAIN, other]) == PLAIN.protocol
        assert same_protocol([PLAIN]) == PLAIN.protocol

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"name": "mnist-5k"}, "mnist-5k-v1"),
            ({"version": 2}, "mnist-v2"),
            ({"fingerprint": "0" * 64}, "another fingerprint"),
        ],
    )
    def test_runs_of_two_protocols_or_versions_never_meet(
        self, change: dict[str, object], said: str
    ) -> None:
        record = PLAIN.protocol.model_copy(update=change)
        other = make_run("other", [0.5]).model_copy(update={"protocol": record})
        with pytest.raises(ProtocolError) as caught:
            same_protocol([PLAIN, PLAIN, other])
        message = one_line(caught.value)
        for words_in_it in ["mnist-v1", said, "halve", "other", "never compared"]:
            assert words_in_it in message

    def test_the_two_built_in_protocols_never_meet(self) -> None:
        with pytest.raises(ProtocolError):
            same_protocol([make_run("a", [0.5], protocol=one) for one in (MNIST, MNIST_5K)])


class TestWriting:
    def test_what_was_there_is_replaced_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "file"
        for content in (b"long" * 1000, b"short"):
            write_atomically(path, content)
            assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]

    def test_the_file_has_the_permissions_of_any_other(self, tmp_path: Path) -> None:
        path, plain = tmp_path / "file", tmp_path / "plain"
        write_atomically(path, b"")
        plain.write_bytes(b"")
        assert path.stat().st_mode == plain.stat().st_mode

    def test_a_full_disk_leaves_what_was_there_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        write_atomically(path, b"before")

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResultError, match="No space left") as caught:
            write_atomically(path, b"after")
        assert str(path) in one_line(caught.value)
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]

    def test_an_interruption_leaves_what_was_there_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        write_atomically(path, b"before")

        def interrupted(handle: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, b"after")
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_path_that_is_a_folder_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "folder"
        path.mkdir()
        with pytest.raises(ResultError, match="cannot write") as caught:
            write_atomically(path, b"")
        one_line(caught.value)
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_a_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("kept")
        with pytest.raises(ResultError, match="cannot write") as caught:
            write_atomically(tmp_path / "file" / "run.json", b"")
        one_line(caught.value)
        assert (tmp_path / "file").read_text() == "kept"

    def test_a_folder_that_may_not_be_written_to_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*args: object, **keywords: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkstemp", denied)
        with pytest.raises(ResultError, match="Permission denied") as caught:
            write_atomically(tmp_path / "run.json", b"")
        one_line(caught.value)
        assert list(tmp_path.iterdir()) == []


def test_a_record_cannot_be_changed_by_accident() -> None:
    run = copy.deepcopy(PLAIN)
    with pytest.raises(pydantic.ValidationError):
        run.seeds = []
