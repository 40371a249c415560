"""No file that somebody wrote by hand makes a ranked row."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.mitigation import loading
from subliminal_bench.reports.leaderboard import leaderboard_page
from subliminal_bench.results.breaks import BreakRecord, write_break
from subliminal_bench.results.draws import fresh_file, read_draw
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.run import Isolation, Run, write_run
from subliminal_bench.results.submissions import read_submission
from subliminal_bench.scoring.ranking import RANKED, UNRANKED, RankedEntry, rank_folder
from subliminal_bench.scoring.standing import word_after
from subliminal_bench.scoring.words import VerdictWord
from tests.support.leaderboards import REFERENCES, around
from tests.support.mitigation_files import source
from tests.support.plugins_for_tests import write
from tests.support.runs import make_run
from tests.support.verified import DRAW, HOLDS, REFUTED, verify_by_hand

BASELINE, LIMINAL, _ = REFERENCES
SANDBOX = Isolation(network="none", sandbox="bubblewrap")
Changed = Callable[[Path], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for run in REFERENCES:
        verify_by_hand(tmp_path, run, BASELINE)
    return tmp_path


def rows(root: Path) -> dict[str, RankedEntry]:
    return {row.run.mitigation.name: row for level in rank_folder(root) for row in level.rows}


def submitted(root: Path, **more: object) -> Run:
    """An entry of a submission, with everything that belongs to it."""
    folder = root / "submissions" / "idea"
    write(folder / "idea.py", source())
    write(folder / "submission.toml", 'name = "idea"\nmitigation = "idea.py"\n')
    found = read_submission(folder)
    run = make_run("idea", around(-0.3))
    record = run.mitigation.model_copy(update={"source_sha256": source_hash(folder)})
    run = run.model_copy(update={"mitigation": record})
    kept = {"submission": found.sha256, "isolation": SANDBOX, **more}
    verify_by_hand(root, run, BASELINE, **kept)  # type: ignore[arg-type]
    return run


def source_hash(folder: Path) -> str:
    return loading.sources(str(folder / "idea.py")).sha256


def test_everything_that_was_verified_has_a_rank(root: Path) -> None:
    submitted(root)
    found = rows(root)
    assert {name: row.hindrance for name, row in found.items()} == dict.fromkeys(found, "")
    assert found["idea"].rank == 1


def test_the_word_is_the_one_of_the_fresh_seeds_in_both_directions(root: Path) -> None:
    lucky = make_run("liminal", around(-0.3))
    verify_by_hand(root, lucky, BASELINE, fresh=make_run("liminal", around(0.0)))
    row = rows(root)["liminal"]
    assert row.card.verdict
    assert row.card.verdict.text == "mitigates"
    assert row.verdict
    assert row.verdict.text == "no effect resolved"
    unlucky = make_run("liminal", around(0.0))
    verify_by_hand(root, unlucky, BASELINE, fresh=make_run("liminal", around(-0.3)))
    row = rows(root)["liminal"]
    assert row.verdict
    assert row.verdict.text == "mitigates"


def laid_by_hand(root: Path) -> None:
    write_run(root / "entries" / "liminal.json", make_run("liminal", around(-0.3)))


def no_record(root: Path) -> None:
    (root / "verifications" / "liminal.json").unlink()


def other_fresh_numbers(root: Path) -> None:
    path = fresh_file(root, DRAW, LIMINAL)
    write_run(path, make_run("liminal", around(-0.3), first_seed=101))


def other_baseline(root: Path) -> None:
    write_run(fresh_file(root, DRAW), make_run("baseline", around(0.2), first_seed=101))


def other_seeds(root: Path) -> None:
    draw = read_draw(root, DRAW)
    seeds = [one + 1 for one in draw.seeds]
    write_record(root / "fresh" / DRAW / "draw.json", draw.model_copy(update={"seeds": seeds}))


def other_sources(root: Path) -> None:
    draw = read_draw(root, DRAW)
    changed = draw.model_copy(update={"sources": {"liminal": "0" * 64}})
    write_record(root / "fresh" / DRAW / "draw.json", changed)


def no_draw(root: Path) -> None:
    (root / "fresh" / DRAW / "draw.json").unlink()


def refuted(root: Path) -> None:
    verify_by_hand(root, LIMINAL, BASELINE, claims=(HOLDS, REFUTED))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (laid_by_hand, "its file changed after it was verified"),
        (no_record, "nobody but its submitter ran it"),
        (other_fresh_numbers, "has changed since"),
        (other_baseline, "has changed since"),
        (other_seeds, "other seeds than its draw"),
        (other_sources, "was made for other sources"),
        (no_draw, "no such file"),
        (refuted, "refuted on 2025-01-31: classes"),
    ],
)
def test_what_was_edited_or_refuted_has_no_rank_and_the_row_says_why(
    root: Path, change: Changed, said: str
) -> None:
    change(root)
    row = rows(root)["liminal"]
    assert row.rank is None
    assert said in row.hindrance


def source_edited(root: Path) -> None:
    write(root / "submissions" / "idea" / "idea.py", source() + "\n# Not the one that ran.\n")


def source_gone(root: Path) -> None:
    for path in (root / "submissions" / "idea").iterdir():
        path.unlink()


def file_added(root: Path) -> None:
    write(root / "submissions" / "idea" / "more.py", "1\n")


def link_added(root: Path) -> None:
    (root / "submissions" / "idea" / "more.py").symlink_to("/etc/passwd")


@pytest.mark.parametrize("change", [source_edited, source_gone, file_added, link_added])
def test_a_row_needs_the_folder_that_was_run(root: Path, change: Changed) -> None:
    submitted(root)
    change(root)
    assert rows(root)["idea"].rank is None


@pytest.mark.parametrize("isolation", [None, Isolation(network="none")])
def test_a_submission_that_ran_outside_of_a_sandbox_has_no_rank(
    root: Path, isolation: Isolation | None
) -> None:
    submitted(root, isolation=isolation)
    row = rows(root)["idea"]
    assert row.rank is None
    assert "did not run in a sandbox" in row.hindrance


def test_a_plugin_that_does_not_exist_has_no_rank_whatever_its_record_says(
    root: Path,
) -> None:
    verify_by_hand(root, make_run("ghost", around(-0.4)), BASELINE)
    row = rows(root)["ghost"]
    assert row.rank is None
    assert "not among this program's own plugins" in row.hindrance


def test_the_submission_of_another_does_not_serve(root: Path) -> None:
    run = submitted(root)
    twin = make_run("other", around(-0.4))
    found = read_submission(root / "submissions" / "idea")
    verify_by_hand(root, twin, BASELINE, submission=found.sha256, isolation=SANDBOX)
    assert rows(root)["other"].rank is None
    assert rows(root)[run.mitigation.name].rank is not None


def broken_by(root: Path, run: Run, **values: object) -> None:
    """Record a reader that found something in an entry."""
    record = BreakRecord.model_validate(
        {
            "schema_version": 1,
            "protocol": run.protocol,
            "mitigation": run.mitigation,
            "reader": {
                "name": "sharp",
                "title": "A sharp eye",
                "method": "it looks",
                "renderings": ["mean-free"],
                "labels": False,
                "reference": "A. Reader",
                "settings": {},
                "source_sha256": "0" * 64,
            },
            "seeds": list(range(201, 211)),
            "rendering_seed": 1,
            "share": 0.97,
            "low": 0.9,
            "high": 1.04,
            "best_of_verdict": "latent_accuracy",
            "share_of_verdict": 0.4,
            "why_not": [],
            "environment": run.environment,
            "isolation": SANDBOX,
            "entry_isolation": None,
            "date": "2025-02-01",
            **values,
        }
    )
    write_break(root, record)


class TestABreak:
    def test_prevention_follows_it_and_the_word_with_it(self, root: Path) -> None:
        run = submitted(root)
        before = rows(root)["idea"]
        assert before.word is VerdictWord.MITIGATES
        broken_by(root, run)
        after = rows(root)["idea"]
        assert after.word is VerdictWord.HIDES
        assert after.prevention == pytest.approx(0.03)
        assert (before.rank, after.rank) == (1, 1)
        text = leaderboard_page(root)[1]
        assert "hides (before it was broken: mitigates)" in text
        assert "; 3 % by sharp, see below" in text
        assert "| 2025-02-01 | sharp" in text.partition("## Breaks")[2]
        assert "A. Reader" in text

    @pytest.mark.parametrize(
        "values",
        [
            {"share": 0.2, "low": 0.1, "high": 0.3},
            {"low": 0.3},
            {"low": None},
            {"why_not": ["it reads the untrained model as well"]},
        ],
        ids=["less", "not shown", "no bound", "a reader that does not count"],
    )
    def test_what_is_not_shown_to_find_more_changes_nothing(
        self, root: Path, values: dict[str, object]
    ) -> None:
        run = submitted(root)
        before = rows(root)["idea"]
        broken_by(root, run, **values)
        after = rows(root)["idea"]
        assert (after.word, after.prevention) == (before.word, before.prevention)

    def test_a_break_of_another_source_says_nothing(self, root: Path) -> None:
        run = submitted(root)
        other = run.mitigation.model_copy(update={"source_sha256": "1" * 64})
        broken_by(root, run.model_copy(update={"mitigation": other}))
        assert rows(root)["idea"].word is VerdictWord.MITIGATES

    @pytest.mark.parametrize("word", VerdictWord)
    @given(share=st.floats(-0.5, 1.5), width=st.floats(0, 1))
    def test_a_word_never_gets_better(
        self, word: VerdictWord, share: float, width: float
    ) -> None:
        record = BreakRecord.model_construct(
            share=share, low=share - width, share_of_verdict=0.0, why_not=[]
        )
        left = word_after(word, record)
        order = (*RANKED, *UNRANKED)
        assert order.index(left) >= order.index(word)
