"""The table of entries: who stands apart, and what sorting and filtering do in a browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench.reports.site.material import Material
from subliminal_bench.reports.site.pages import render_front
from subliminal_bench.reports.site.table import groups_apart, ranked_groups
from subliminal_bench.scoring.ranking import RankedEntry, RankedLevel
from tests.support import browser
from tests.support.devtools import Page, driven

SHOWN = """[...document.querySelectorAll('tr.entry')].filter(row => row.offsetHeight)
  .map(row => row.querySelector('a').textContent)"""
CLICK = "document.querySelector('th[data-sort=\"{}\"] button').click()"
SORTED = """[...document.querySelectorAll('[aria-sort]')].map(head =>
  [head.dataset.sort, head.getAttribute('aria-sort')])"""


def names(groups: list[Any]) -> dict[str, list[str]]:
    return {group.name: [row.label.partition(" ")[0] for row in group.rows] for group in groups}


def test_refuted_unverified_and_unranked_entries_stand_apart_with_the_reason(
    material: Material,
) -> None:
    ranked, apart = ranked_groups(material.levels), groups_apart(material.levels)
    assert set(names(ranked)["Blind"]) == {"first", "second", "broken", "liminal", "baseline"}
    assert names(apart) == {
        "Refuted": ["refuted"],
        "Not verified": ["alone"],
        "Without a rank for their word": ["projection"],
    }
    assert all(group.about.startswith(group.about[0].upper()) for group in apart)
    assert "Refuted on 2025-01-31" in apart[0].about
    assert not any(row.prevents for row in apart[0].rows)


def test_a_broken_entrys_prevention_is_the_best_known_readers(material: Material) -> None:
    rows = {row.slug: row for group in ranked_groups(material.levels) for row in group.rows}
    broken = rows["broken"].prevention
    assert broken.text == "3 %"
    assert broken.key == pytest.approx(0.03)
    assert broken.beside.startswith("by mine; by the verdict's own ")


def named(row: RankedEntry, name: str, **but: Any) -> RankedEntry:
    """The same row under another name."""
    mitigation = row.run.mitigation.model_copy(
        update={"name": name, "settings": {}, "changed": []}
    )
    run = row.run.model_copy(update={"mitigation": mitigation})
    card = replace(row.card, all_runs=(run, *row.card.all_runs[1:]))
    return replace(row, card=card, **but)


@pytest.fixture(scope="module")
def many(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A front page of 1,000 ranked entries in groups of five that share a rank."""
    level = material.levels[0]
    known = [row for row in level.rows if row.rank is not None]
    rows = tuple(
        named(known[place % 5], f"idea-{place:03d}", rank=1 + 5 * (place // 5), tied=True)
        for place in range(995)
    )
    plain = next(row for row in known if row.card.names[0] == "baseline")
    others = tuple(material.levels[1:])
    wide = replace(material, levels=(RankedLevel("blind", (*rows, plain)), *others))
    path = tmp_path_factory.mktemp("many") / "index.html"
    path.write_text(render_front(wide), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with driven(browser.program(), tmp_path_factory.mktemp("driven")) as page:
        yield page


def choose(page: Page, name: str, value: str) -> None:
    page.evaluate(
        f"(() => {{ const field = document.forms.controls['{name}'];"
        f"field.value = {value!r};"
        "field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


class TestInTheBrowser:
    def test_a_heading_sorts_within_its_group_and_turns_on_a_second_click(
        self, opened: Page, site: Path
    ) -> None:
        opened.open(site / "index.html")
        before = opened.evaluate(SHOWN)
        opened.evaluate(CLICK.format("label"))
        rising = opened.evaluate(SHOWN)
        assert rising[:5] == sorted(before[:5])
        # Those apart stay apart.
        assert set(rising[5:]) == set(before[5:])
        assert opened.evaluate(SORTED) == [["label", "ascending"]] * 2
        opened.evaluate(CLICK.format("label"))
        assert opened.evaluate(SHOWN)[:5] == rising[:5][::-1]
        said = opened.evaluate("document.getElementById('sorted').textContent")
        assert said.startswith("Now sorted by entry, falling, within each access level")
        opened.evaluate("document.forms.controls.reset()")
        opened.evaluate("new Promise(done => setTimeout(done, 20))")
        assert opened.evaluate(SHOWN) == before
        assert opened.evaluate("document.getElementById('sorted').textContent") == ""

    def test_prevention_sorts_the_largest_first_and_what_is_not_known_last(
        self, opened: Page, site: Path
    ) -> None:
        opened.open(site / "index.html")
        choose(opened, "sort", "prevention")
        keys = opened.evaluate(
            "[...document.querySelectorAll('tbody')[0].querySelectorAll("
            "'tr.entry [data-column=prevention]')].map(cell => cell.dataset.key)"
        )
        known = [float(key) for key in keys if key]
        assert keys[: len(known)] == [key for key in keys if key]
        assert known == sorted(known, reverse=True)

    @pytest.mark.parametrize(
        ("field", "value", "kept"),
        [
            ("access", "trait-gradient", {"projection"}),
            ("word", "hides", {"broken"}),
            ("prior", "none", {"baseline", "liminal", "second", "projection"}),
            ("text", "ALON", {"alone"}),
            ("text", "no such entry", set()),
        ],
    )
    def test_a_filter_keeps_what_it_says(
        self, opened: Page, site: Path, field: str, value: str, kept: set[str]
    ) -> None:
        opened.open(site / "index.html")
        choose(opened, field, value)
        shown = opened.evaluate(SHOWN)
        assert {name.partition(" ")[0] for name in shown} == kept
        said = opened.evaluate("document.getElementById('shown').textContent")
        assert said.startswith(f"{len(kept)} of 8 entries")

    def test_a_least_prevention_leaves_out_what_has_less_or_none(
        self, opened: Page, site: Path
    ) -> None:
        opened.open(site / "index.html")
        choose(opened, "least", "20")
        kept = {name.partition(" ")[0] for name in opened.evaluate(SHOWN)}
        assert kept >= {"second", "alone"}
        assert not kept & {"broken", "baseline", "projection"}

    def test_the_keyboard_reaches_everything_and_sorts(self, opened: Page, site: Path) -> None:
        opened.open(site / "index.html")
        seen = []
        for _ in range(90):
            opened.press("Tab")
            seen.append(
                opened.evaluate(
                    "document.activeElement.name || document.activeElement.textContent"
                )
            )
            if seen[-1] == "prevention" and seen[-2] == "verdict":
                break
        assert {"text", "access", "word", "prior", "least", "sort"} <= set(seen)
        assert "To the content" in seen[0]
        # The outline is seen.
        style = "getComputedStyle(document.activeElement).outlineStyle"
        assert opened.evaluate(style) == "solid"
        opened.press("Enter")
        assert opened.evaluate(SORTED) == [["prevention", "descending"]] * 2
        opened.press(" ")
        assert opened.evaluate(SORTED) == [["prevention", "ascending"]] * 2

    def test_a_row_opens_its_entry(self, opened: Page, site: Path) -> None:
        opened.open(site / "index.html")
        target = opened.evaluate(
            "[...document.querySelectorAll('tr.entry a')]"
            ".find(link => link.textContent === 'broken').href"
        )
        assert target == (site / "entries" / "broken.html").as_uri()

    def test_a_thousand_entries_sort_and_filter_at_once(self, opened: Page, many: Path) -> None:
        opened.open(many)
        assert len(opened.evaluate(SHOWN)) >= 996
        for column in ("prevention", "label", "latent"):
            before = opened.busy()
            # Until the page is laid out anew and painted.
            opened.evaluate(
                f"new Promise(done => {{ {CLICK.format(column)}; document.body.offsetHeight;"
                "requestAnimationFrame(() => setTimeout(done)); })"
            )
            took = opened.busy() - before
            # Some tenths of a second of work where other programs share the processor.
            assert 0 < took < 1.5, column
        choose(opened, "text", "idea-123")
        assert opened.evaluate(SHOWN) == ["idea-123"]

    def test_ties_stay_visible_however_it_is_sorted(self, opened: Page, many: Path) -> None:
        opened.open(many)
        opened.evaluate(CLICK.format("latent"))
        rows = opened.evaluate(
            "[...document.querySelectorAll('tr[data-tie=blind-11]')].map(row => "
            "[row.querySelector('.rank').textContent.trim(), row.rowIndex])"
        )
        assert [said for said, _ in rows] == ["11 = 5 tied"] * 5
        # They are far from each other now, and light up together.
        places = sorted(place for _, place in rows)
        assert places[-1] - places[0] > 100
        together = opened.evaluate(
            "(() => { document.querySelector('tr[data-tie=blind-11] a').focus();"
            "return document.querySelectorAll('tr.together').length; })()"
        )
        assert together == 5
