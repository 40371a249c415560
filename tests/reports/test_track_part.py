"""A page has its part about tracks if it is asked for, and is the same page otherwise."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from subliminal_bench.experiment.tracks import AUXILIARY_10, BACKDOOR, SKILL
from subliminal_bench.reports import path_figures, svg, track_figures
from subliminal_bench.reports.page import render_report
from subliminal_bench.reports.track_part import shapes_of, track_part
from subliminal_bench.results import lookup
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.finished_tracks import scored_on_tracks
from subliminal_bench.scoring.robust import RobustScorecard
from subliminal_bench.scoring.scorecard import Scorecard
from tests.support.markup import Reader
from tests.support.reported import HOSTILE, hostile
from tests.support.tracks import fill, idea_on, references_on


@pytest.fixture(scope="module")
def robust(tmp_path_factory: pytest.TempPathFactory) -> RobustScorecard:
    """A mitigation with hostile text, on two tracks of three."""
    root = tmp_path_factory.mktemp("store")
    for track in (SKILL, BACKDOOR):
        fill(root, *references_on(track), hostile(idea_on(track)))
    tracks = [SKILL, AUXILIARY_10, BACKDOOR]
    with pytest.MonkeyPatch.context() as patch:
        # The tracks' committed references have other numbers than the runs made here.
        patch.setattr(lookup, "matching_entry", lambda *_: None)
        (found,) = scored_on_tracks([hostile(idea_on(SKILL))], tracks, Store(root), root)
    return found


def written(card: Scorecard, robust: Sequence[RobustScorecard]) -> str:
    """A page without its drawings, which take most of the time; one test looks at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svg, "svg_document", lambda *_: '<svg viewBox="0 0 1 1"><g/></svg>')
        return render_report([card], Store(Path("none")), [], None, robust)


@pytest.fixture(scope="module")
def page(robust: RobustScorecard, card: Scorecard) -> str:
    return written(card, [robust])


def part_of(page: str) -> str:
    return page.partition('<section id="tracks">')[2].partition("</section>")[0]


def test_a_page_without_tracks_has_no_part_about_them(card: Scorecard, page: str) -> None:
    without = written(card, [])
    assert '<section id="tracks">' not in without
    before, _, rest = page.partition('<section id="tracks">')
    after = rest.partition("</section>")[2]
    assert re.sub(r"\s+", "", before + after) == re.sub(r"\s+", "", without)


def test_every_track_is_a_row_of_the_table_and_the_missing_one_is_listed(page: str) -> None:
    part = html.unescape(part_of(page))
    for track, word in (("skill", "mitigates"), ("auxiliary-10", "not run")):
        assert re.search(rf">{track}</th><td>{word}</td>", part)
    assert "<li>auxiliary-10: no finished run</li>" in part
    assert re.search(r"<li>worst track: (skill|backdoor), \d+ % prevented</li>", part)


def test_it_has_all_figures_with_alternatives_in_words(page: str) -> None:
    drawings = re.findall(
        r'<svg viewBox="[^"]*" xmlns=.*?</svg>', part_of(page), flags=re.DOTALL
    )
    # The rows, the profile, paths side by side, and in one panel against KL and way.
    assert len(drawings) == 5
    for drawing in drawings:
        title, words = re.findall(r"<(?:title|desc) id=[^>]*>(.*?)</", drawing, re.DOTALL)
        assert title
        assert re.search(r"\d", words)


def test_text_from_files_never_acts_and_identifiers_come_once(page: str) -> None:
    read = Reader(page)
    assert not {tag for tag, _ in read.elements} & {"script", "img"}
    assert HOSTILE in Reader(part_of(page)).text
    names = [found["id"] for _, found in read.elements if "id" in found]
    assert len(names) == len(set(names))


def test_drawings_follow_the_theme(robust: RobustScorecard) -> None:
    shapes = shapes_of([robust])
    for drawn in (track_figures.tracks(robust), path_figures.side_by_side(shapes)):
        assert drawn
        picture = svg.inline_svg(drawn.figure, "one", drawn.title, drawn.description)
        assert "var(--ink)" in picture
        assert not re.findall(r"#[0-9a-fA-F]{6}\b", picture)


def test_paths_are_in_the_order_of_the_tracks(robust: RobustScorecard) -> None:
    assert [one.track for one in shapes_of([robust])] == ["skill", "backdoor"]
    assert shapes_of([]) == []
    assert track_part([]) is None


def test_a_mitigation_that_ran_nowhere_is_a_list_of_what_is_missing(tmp_path: Path) -> None:
    tracks = [BACKDOOR, AUXILIARY_10]
    cards = scored_on_tracks([idea_on(SKILL)], tracks, Store(tmp_path), tmp_path)
    part = track_part(cards)
    assert part
    (one,) = part.mitigations
    assert (one.rows, one.profile, part.side_by_side, part.numbers) == (None,) * 4
    assert one.missing == ["backdoor: no finished run", "auxiliary-10: no finished run"]
