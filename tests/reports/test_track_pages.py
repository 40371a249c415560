"""The leaderboard's pages of tracks, and its robust column, show the committed entries."""

from pathlib import Path

import pytest

from subliminal_bench import shipped
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.tracks import BACKDOOR, ROBUST, SKILL
from subliminal_bench.reports.leaderboard import render_leaderboard
from subliminal_bench.reports.track_pages import leaderboard_pages, render_track
from subliminal_bench.results.run import write_run
from subliminal_bench.scoring.committed_tracks import CommittedTracks, committed_tracks
from subliminal_bench.scoring.ranking import rank_entries
from tests.reports.test_leaderboard import cells
from tests.support.leaderboards import REFERENCES, around
from tests.support.runs import make_run
from tests.support.tracks import LEVELS, built_in, commit, idea_on, on_the_robust_set


def rows(page: str) -> dict[str, dict[str, str]]:
    """The cells of a track's entries, by entry and heading."""
    table = page.partition("## Entries")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line[:1] == "|"]
    headings, _, *found = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: dict(zip(headings, row, strict=True)) for row in found}


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> CommittedTracks:
    """All of the robust set: `idea` prevents least on the backdoor."""
    return on_the_robust_set(tmp_path_factory.mktemp("board"), worst="backdoor")


def page_with(tracks: CommittedTracks) -> str:
    """The leaderboard's page with `idea`, which those tracks have too, and `other`."""
    runs = (*REFERENCES, make_run("idea", around(-0.2)), make_run("other", around(-0.1)))
    return render_leaderboard(rank_entries({run.mitigation.name: run for run in runs}), tracks)


class TestPage:
    def test_it_says_what_the_track_is_and_links_back(self, tracks: CommittedTracks) -> None:
        page = render_track(SKILL, tracks["skill"])
        assert page.startswith("# Track skill\n")
        assert SKILL.about[1:] in page
        assert f"fingerprint `{SKILL.fingerprint[:16]}`. It belongs to the robust set" in page
        assert "(../README.md)" in page
        assert "| `skill` | classes 0-4, 25,000 images | –" in " ".join(page.split())
        assert "`hidden`" not in page

    def test_a_row_has_the_word_the_prevention_the_kl_the_skill_and_the_seeds(
        self, tracks: CommittedTracks
    ) -> None:
        found = rows(render_track(SKILL, tracks["skill"]))
        assert list(found) == ["idea", "baseline"]
        idea = found["idea"]
        assert idea["verdict"] == "mitigates"
        assert idea["prevention (95 %), by reader"].count("%") == 3
        assert idea["final KL ratio"].startswith("1.000 (at most")
        assert idea["skill [%]"] == "96.00 of 97.00"
        assert idea["seeds"] == "1-8"
        assert found["baseline"]["verdict"] == "reference"
        # Without a capable base there is no skill.
        assert "skill [%]" not in rows(render_track(ROBUST[1], tracks["permuted"]))["idea"]

    def test_rows_stand_by_access_then_word_then_prevention(self, tmp_path: Path) -> None:
        best, weak = idea_on(SKILL, 0.3, "z-best"), idea_on(SKILL, 0.15, "a-weak")
        oracle = make_run(
            "oracle", list(LEVELS - 0.35), protocol=SKILL, access="trait-gradient"
        )
        broken = make_run("broken", [0.1] * 8, protocol=SKILL, kl_fresh=8e-3)
        commit(tmp_path, built_in("baseline", SKILL), oracle, broken, weak, best)
        found = rows(render_track(SKILL, committed_tracks(tmp_path)["skill"]))
        assert list(found) == ["z-best", "a-weak", "baseline", "broken", "oracle"]
        assert found["broken"]["prevention (95 %), by reader"] == "–"

    def test_the_same_entries_give_the_same_bytes(self, tracks: CommittedTracks) -> None:
        backwards = dict(reversed(list(tracks["skill"].items())))
        assert render_track(SKILL, backwards) == render_track(SKILL, tracks["skill"])

    def test_somebodys_text_is_shown_as_it_is(self, tmp_path: Path) -> None:
        idea = idea_on(SKILL)
        record = {"settings": {"mode": "a|b<i>"}, "changed": ["mode"]}
        idea = idea.model_copy(update={"mitigation": idea.mitigation.model_copy(update=record)})
        commit(tmp_path, built_in("baseline", SKILL), idea)
        page = render_track(SKILL, committed_tracks(tmp_path)["skill"])
        assert "a\\|b\\<i\\>" in page


class TestColumn:
    def test_an_entry_on_the_whole_set_has_its_worst_track(
        self, tracks: CommittedTracks
    ) -> None:
        found = cells(page_with(tracks))
        track, prevented = found["idea"]["robust"].split(", ")
        assert track == "backdoor"
        assert 0 < int(prevented.removesuffix(" %")) < 30
        assert found["other"]["robust"] == "—"
        assert found["liminal"]["robust"] == "—"
        assert found["baseline"]["robust"] == "reference"

    def test_the_page_explains_the_column_and_links_to_every_track(
        self, tracks: CommittedTracks
    ) -> None:
        page = page_with(tracks)
        assert "- **robust**: the track of [the robust set]" in page
        for track in ROBUST[1:]:
            assert f"[{track.name}](tracks/{track.name}.md)" in page

    def test_without_the_whole_set_there_are_links_and_no_column(
        self, tracks: CommittedTracks
    ) -> None:
        page = page_with({"skill": tracks["skill"]})
        assert "robust" not in cells(page)["idea"]
        assert "**robust**" not in page
        assert "[skill](tracks/skill.md)." in page

    def test_without_tracks_the_page_says_nothing_of_them(self) -> None:
        runs = {run.mitigation.name: run for run in REFERENCES}
        page = render_leaderboard(rank_entries(runs))
        assert page == render_leaderboard(rank_entries(runs), {})
        assert "rack" not in page


class TestFolder:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for run in REFERENCES:
            write_run(tmp_path / "entries" / f"{run.mitigation.name}.json", run)
        return tmp_path

    def test_a_track_with_entries_has_a_page_and_others_have_none(self, root: Path) -> None:
        commit(root, built_in("baseline", BACKDOOR), built_in("baseline", MNIST_5K))
        pages = leaderboard_pages(root)
        assert list(pages.texts) == [root / "README.md", root / "tracks" / "backdoor.md"]
        assert pages.left_over == []

    def test_an_entry_without_its_tracks_baseline_or_of_another_version_is_not_shown(
        self, root: Path
    ) -> None:
        commit(root, idea_on(SKILL))
        assert list(leaderboard_pages(root).texts) == [root / "README.md"]
        old = built_in("baseline", SKILL)
        protocol = old.protocol.model_copy(update={"version": 2})
        commit(root, old.model_copy(update={"protocol": protocol}))
        assert list(leaderboard_pages(root).texts) == [root / "README.md"]

    def test_a_page_of_a_track_without_entries_is_left_over(self, root: Path) -> None:
        page = root / "tracks" / "skill.md"
        page.parent.mkdir()
        page.write_text("old")
        (page.parent / "notes.md").write_text("mine")
        assert leaderboard_pages(root).left_over == [page]


def test_the_committed_pages_show_the_committed_entries() -> None:
    pages = leaderboard_pages(shipped.folder("leaderboard"))
    for path, text in pages.texts.items():
        assert path.read_text(encoding="utf-8") == text
    assert pages.left_over == []
