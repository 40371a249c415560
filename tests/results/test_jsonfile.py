"""What is written is read back to the bit, and what was changed is refused."""

import json
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS, Metric
from subliminal_bench.results.jsonfile import _digest
from subliminal_bench.results.run import Run, SeedResult, read_run, write_run
from tests.support.examples import seen
from tests.support.plugins_for_tests import one_line
from tests.support.runs import PLAIN

# The folder of one test serves all of its examples, which write over one another.
modest = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

finite = st.floats(allow_nan=False, allow_infinity=False)
words = seen(30)
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

    def test_a_run_without_looks_is_read_as_version_0_1_wrote_it(self, tmp_path: Path) -> None:
        content = PLAIN.model_dump() | {"looks": None}
        path = tmp_path / "old.json"
        path.write_text(json.dumps(content | {"digest": _digest(content)}))
        assert read_run(path) == PLAIN
        assert "looks" not in written(tmp_path).read_text()
        path.write_text(json.dumps(content | {"digest": _digest(PLAIN.model_dump())}))
        assert "changed after it was written" in refused(path)

    def test_the_file_is_json_that_people_can_read(self, tmp_path: Path) -> None:
        run = PLAIN.model_copy(
            update={"mitigation": PLAIN.mitigation.model_copy(update={"title": "Größer ± 1"})}
        )
        text = written(tmp_path, run).read_text(encoding="utf-8")
        assert text.endswith("}\n")
        assert "Größer ± 1" in text
        assert json.loads(text)["seeds"][1]["metrics"]["trait_accuracy"] is None


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
    "an unknown schema": (lambda c: c | {"schema_version": 3}, "schema version is 3"),
    "an old schema": (lambda c: c | {"schema_version": 0}, "schema version is 0"),
    "a schema in quotes": (lambda c: c | {"schema_version": "1"}, "schema version"),
    "a true schema": (lambda c: c | {"schema_version": True}, "schema"),
    "no schema": (lambda c: {k: v for k, v in c.items() if k != "schema_version"}, "schema"),
    "a list": (lambda c: [c], "schema"),
    "nothing": (lambda c: {}, "schema"),
    "no seeds": (lambda c: c | {"seeds": []}, "seeds"),
    "seeds missing": (lambda c: {k: v for k, v in c.items() if k != "seeds"}, "seeds"),
    "seeds out of order": (lambda c: c | {"seeds": c["seeds"][::-1]}, "ascending"),
    "a seed twice": (lambda c: c | {"seeds": c["seeds"][:1] * 2}, "ascending and unique"),
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
    "interim looks": (
        lambda c: (
            c | {"looks": {"planned_seeds": 40, "seeds": [20, 40], "levels": [0.01, 0.02]}}
        ),
        "it was run with interim looks, which this version no longer reads",
    ),
}


class TestUnseenCharacters:
    """A file of somebody else must not move a terminal's cursor, or turn its text around."""

    @pytest.mark.parametrize("character", ["\n", "\0", "\x1b", "\u202e", "\u2066", "\udcff"])
    @pytest.mark.parametrize(
        "way",
        [
            ("mitigation", "title"),
            ("mitigation", "reference"),
            ("mitigation", "attribute"),
            ("mitigation", "settings", "word"),
            ("environment", "device_name"),
            ("environment", "torch"),
            ("protocol", "name"),
        ],
        ids="-".join,
    )
    def test_text_that_is_shown_has_none(
        self, way: tuple[str, ...], character: str, tmp_path: Path
    ) -> None:
        def change(content: Any) -> None:
            for key in way[:-1]:
                content = content[key]
            content[way[-1]] = f"a{character}b"

        message = refused(rewritten(tmp_path, change))
        assert ".".join(way[:2]) in message
        # A lone surrogate is no text in the first place.
        if character != "\udcff":
            assert f"U+{ord(character):04X} cannot be shown" in message


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
