"""A submission is a source: what it is worth is measured by others, on seeds nobody knew."""

from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.results.draws import FRESH_SEEDS, draw_seeds, find_draw, read_draw
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.run import ProtocolRecord, read_run
from subliminal_bench.results.tolerances import Chaos, Tolerances
from subliminal_bench.results.verified import read_verified
from subliminal_bench.scoring.ranking import RankedEntry, rank_folder
from tests.conftest import TINY
from tests.support.isolated import needs_sandbox
from tests.support.mitigation_files import hook, source
from tests.support.plugins_for_tests import write
from tests.support.terminal import Ended, Terminal
from tests.support.workflows import LIVE, blocks

Score = Callable[..., Ended]


@pytest.fixture
def root(tmp_path: Path, tiny: Protocol, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A leaderboard's folder where the test protocol is the canonical one."""
    for place in ("experiment.protocol", "results.entries"):
        monkeypatch.setattr(f"subliminal_bench.{place}.CANONICAL", TINY)
    monkeypatch.setattr("subliminal_bench.results.entries.FEWEST_SEEDS", 3)
    monkeypatch.setattr("subliminal_bench.results.draws.FEWEST_FRESH", 5)
    folder = tmp_path / "board"
    chaos = [
        Chaos(variant="by hand", entry="baseline", metric=metric, differences=[1e-5])
        for metric in METRICS
    ]
    steady = Tolerances(schema_version=1, protocol=ProtocolRecord.of(TINY), chaos=chaos)
    write_record(folder / "tolerances" / "tiny.json", steady)
    return folder


@pytest.fixture
def score(type_in: Terminal, root: Path, tmp_path: Path) -> Score:
    def typed(*arguments: object) -> Ended:
        return type_in(
            "score-submission",
            *arguments,
            *("--leaderboard", root, "--store", tmp_path / "store"),
            *("--device", "cpu", "--seeds", "1-3", "--fresh", 5),
        )

    return typed


def rows(root: Path) -> dict[str, RankedEntry]:
    return {row.run.mitigation.name: row for level in rank_folder(root) for row in level.rows}


class TestADraw:
    PROTOCOL = ProtocolRecord.of(TINY)

    def test_it_has_seeds_that_are_no_published_ones_and_differ_from_draw_to_draw(
        self, tmp_path: Path
    ) -> None:
        found = [
            draw_seeds(tmp_path, self.PROTOCOL, {"idea": digit * 64})[1].seeds
            for digit in "0123"
        ]
        assert len({tuple(one) for one in found}) == 4
        assert all(len(one) == 20 and set(one) <= set(FRESH_SEEDS) for one in found)

    def test_a_source_has_one_draw_for_good(self, tmp_path: Path) -> None:
        first = draw_seeds(tmp_path, self.PROTOCOL, {"idea": "a" * 64})
        assert draw_seeds(tmp_path, self.PROTOCOL, {"renamed": "a" * 64}) == first
        assert find_draw(tmp_path, self.PROTOCOL, "b" * 64) is None
        assert draw_seeds(tmp_path, self.PROTOCOL, {"idea": "b" * 64}) != first

    def test_a_drawn_source_cannot_take_part_in_another_draw(self, tmp_path: Path) -> None:
        draw_seeds(tmp_path, self.PROTOCOL, {"idea": "a" * 64})
        with pytest.raises(ResultError, match="idea: fresh seeds were drawn"):
            draw_seeds(tmp_path, self.PROTOCOL, {"idea": "a" * 64, "other": "b" * 64})

    def test_seeds_that_were_chosen_by_hand_are_not_read(self, tmp_path: Path) -> None:
        name, draw = draw_seeds(tmp_path, self.PROTOCOL, {"idea": "a" * 64})
        path = tmp_path / "fresh" / name / "draw.json"
        for seeds in ([1, 2, 3], [102, 101], [101, 101], [1001]):
            write_record(path, draw.model_copy(update={"seeds": seeds}))
            with pytest.raises(ResultError, match="fresh seeds must be ascending"):
                read_draw(tmp_path, name)


@pytest.mark.slow
class TestOwnPlugins:
    def test_they_are_ranked_once_they_ran_on_fresh_seeds_and_not_before(
        self, score: Score, root: Path, type_in: Terminal
    ) -> None:
        done = score("baseline", "projection", "liminal")
        assert done.code == 0, done.out + done.err
        (name,) = (path.name for path in (root / "fresh").iterdir())
        draw = read_draw(root, name)
        assert set(draw.sources) == {"baseline", "projection", "liminal"}
        found = rows(root)
        assert all(row.hindrance == "" for row in found.values())
        assert all(
            row.standing
            and row.standing.fresh
            and row.standing.fresh.seeds == tuple(draw.seeds)
            for row in found.values()
        )
        entry = root / "entries" / "liminal.json"
        record = read_verified(root, entry)
        assert record
        assert {one.about for one in record.claims} >= {
            "published seeds",
            "numbers of seeds",
            "classes",
            "pixels",
        }
        # Nobody may edit an entry, a record's files or the draw afterwards.
        for path in (entry, root / "fresh" / name / "liminal.json"):
            kept = path.read_bytes()
            run = read_run(path)
            write_record(path, run.model_copy(update={"seeds": run.seeds[:2]}))
            assert rows_or_none(root).get("liminal", "unread") != ""
            path.write_bytes(kept)
        assert rows(root)["liminal"].hindrance == ""

    def test_as_markdown_the_claims_are_a_list_and_the_scorecard_a_table(
        self, score: Score
    ) -> None:
        done = score("baseline", "liminal", "--format", "markdown")
        assert done.code == 0, done.out + done.err
        kinds = blocks(done.out)
        assert kinds.count("list_item_open") >= 8
        assert "table_open" in kinds
        assert not LIVE & set(kinds)


def test_an_unknown_format_is_refused_before_anything_runs(score: Score, root: Path) -> None:
    done = score("liminal", "--format", "json")
    assert done.code == 2
    assert "json" in done.error
    assert not (root / "fresh").exists()


def rows_or_none(root: Path) -> dict[str, str]:
    try:
        return {name: row.hindrance for name, row in rows(root).items()}
    except ResultError:
        return {}


HALVE = hook("distill_gradient(gradient, step)", "return gradient * 0.5")
BY_NUMBER = hook(
    "distill_gradient(gradient, step)",
    "return gradient if step.seeds[0] <= 1000 else gradient * 0",
)


def looking_for(*paths: Path) -> str:
    """A hook that fails where it sees one of these paths."""
    return hook(
        "distill_gradient(gradient, step)",
        "from pathlib import Path",
        f"seen = [one for one in {[*map(str, paths)]} if Path(one).exists()]",
        "return gradient * (float('nan') if seen else 0.5)",
    )


@pytest.fixture
def submitted(type_in: Terminal, root: Path, tmp_path: Path) -> Callable[[str], Path]:
    def made(text: str) -> Path:
        (root / "entries").mkdir(exist_ok=True, parents=True)
        write(tmp_path / "own" / "idea.py", text)
        done = type_in(
            "submit", tmp_path / "own" / "idea.py", "--leaderboard", root, "--replace"
        )
        assert done.code == 0, done.err
        return root / "submissions" / "idea"

    return made


@needs_sandbox
@pytest.mark.slow
class TestASubmission:
    def test_it_runs_in_a_sandbox_and_its_row_is_ranked(
        self, score: Score, root: Path, tmp_path: Path, submitted: Callable[[str], Path]
    ) -> None:
        assert score("baseline", "projection", "liminal").code == 0
        store, passwords = tmp_path / "store", Path("/etc/passwd")
        assert store.is_dir()
        hidden = (passwords, store, root, tmp_path / "own")
        folder = submitted(source(looking_for(*hidden)))
        done = score(folder)
        assert done.code == 0, done.out + done.err
        row = rows(root)["idea"]
        assert row.hindrance == ""
        assert row.run.isolation
        assert row.run.isolation.is_sandboxed
        # What is edited afterwards, in either place, takes the rank.
        write(folder / "idea.py", source(HALVE))
        assert rows(root)["idea"].rank is None

    def test_what_knows_the_numbers_of_seeds_is_refuted_and_says_so(
        self, score: Score, root: Path, submitted: Callable[[str], Path]
    ) -> None:
        folder = submitted(source(BY_NUMBER))
        done = score(folder)
        assert done.code == 1
        assert "refuted: numbers of seeds: under other numbers" in done.out
        record = read_verified(root, root / "entries" / "idea.json")
        assert record
        assert record.refuted

    def test_the_name_of_an_entry_with_another_source_is_refused_before_anything_is_written(
        self, score: Score, root: Path, submitted: Callable[[str], Path]
    ) -> None:
        first = submitted(source(HALVE))
        assert score(first).code == 0
        before = (root / "entries" / "idea.json").read_bytes()
        write(first / "idea.py", source(HALVE, before="# Another source.\n"))
        done = score(first)
        assert "already an entry of 'idea' with another source" in done.error
        assert (root / "entries" / "idea.json").read_bytes() == before
