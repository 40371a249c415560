"""The report: one page that stands alone, says the verdict first and hides nothing."""

import html
import re
from pathlib import Path

import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.readers import READERS
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.reports import short
from subliminal_bench.reports.glossary import meaning
from subliminal_bench.reports.page import render_report
from subliminal_bench.reports.style import COLOURS, series
from subliminal_bench.results.run import Twin
from subliminal_bench.results.store import Store
from subliminal_bench.results.thinned import ThinnedCurves, thinned_file
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support import browser
from tests.support.browser import Browser
from tests.support.markup import Reader
from tests.support.reported import HOSTILE, LEVELS, make_card
from tests.support.runs import keep, keep_curves, make_run, unread


@pytest.fixture(scope="module")
def path(card: Scorecard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on a hostile entry, with curves of itself and of the baseline only."""
    folder = tmp_path_factory.mktemp("report")
    for run in (card.entry, card.baseline):
        keep_curves(keep(folder / "store", run), run)
    page = folder / "report.html"
    page.write_text(render_report([card], Store(folder / "store"), []), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class TestContent:
    def test_the_verdict_stands_before_everything_else(
        self, page: str, card: Scorecard
    ) -> None:
        assert card.verdict
        verdict = page.index(f'<p class="word">{card.verdict.text}</p>')
        assert verdict < page.index("<table")
        assert verdict < page.index("<figure")
        for reason in card.verdict.reasons:
            assert f"<li>{reason}</li>" in html.unescape(page)

    def test_every_metric_has_its_row_and_its_definition(
        self, page: str, card: Scorecard
    ) -> None:
        text = html.unescape(page)
        for name, metric in METRICS.items():
            cells = [summary.show(metric) for summary in card.summaries(name)]
            row = rf">{re.escape(metric.heading)}</th>" + "".join(
                rf"<td>{re.escape(cell)}</td>" for cell in cells
            )
            assert re.search(row, text), name
            assert metric.about in text

    def test_headings_of_tables_carry_the_glossarys_words(self, page: str) -> None:
        for heading in ("resolves", "p (Holm)", "lower in"):
            assert (
                f'title="{html.escape(meaning(heading))}">{html.escape(heading)}</th>' in page
            )

    def test_every_reference_is_named_with_where_it_is_from(self, page: str) -> None:
        origin = page[page.index('id="provenance"') :]
        for name in REFERENCES:
            assert f'<th scope="col">{name}</th>' in origin

    def test_curves_that_are_not_at_hand_are_said_to_be_missing(self, page: str) -> None:
        assert "<li>projection, liminal: curves are not available.</li>" in page
        assert page.count("over training</figcaption>") == 5

    def test_without_any_curves_the_rest_of_the_page_stands(
        self, card: Scorecard, tmp_path: Path
    ) -> None:
        page = render_report([card], Store(tmp_path), [])
        assert "over training</figcaption>" not in page
        assert "<li>idea, baseline, projection, liminal: curves are not available.</li>" in page
        assert 'id="run-1-pairs-title"' in page

    def test_thinned_curves_are_drawn_and_said_to_be_thinned(
        self, card: Scorecard, path: Path, tmp_path: Path
    ) -> None:
        store = Store(path.parent / "store")
        for run in (card.entry, card.baseline):
            ThinnedCurves.of(run, store.curves(run)).write(thinned_file(tmp_path, run))
        page = render_report([card], Store(tmp_path / "none"), [], tmp_path)
        assert "<li>idea, baseline: thinned curves, one step in 10" in page
        assert page.count("over training</figcaption>") == 5
        assert "<li>projection, liminal: curves are not available.</li>" in page

    def test_the_head_says_what_is_prevented_and_what_stands_beside_it(
        self, page: str, card: Scorecard
    ) -> None:
        head = html.unescape(page[: page.index("<figure")])
        assert card.verdict
        assert card.verdict.prevention
        assert card.equal
        found = card.verdict.prevention
        for said in (
            f'<dd class="value">{short.percent(found.estimate)}',
            f"95 %: {short.interval(found)}, decided by {short.reader(found)}",
            f"plain distillation at this KL {100 * card.equal.plain('trait_accuracy'):.1f} %",
            f"plain distillation at this KL {100 * card.equal.plain('latent_accuracy'):.1f} %",
            "distillation kept, margin ×1.10",
        ):
            assert said in head, said

    def test_every_reader_has_its_row_and_the_twin_its_column(self, card: Scorecard) -> None:
        twin = Twin(settings={"mode": "off"}, seeds=card.entry.seeds)
        entry = card.entry.model_copy(update={"twin": twin})
        both = build_scorecard(entry, dict(card.runs()[1:]))
        page = render_report([both], Store(Path("none")), [])
        headings = page[page.index(">reader [%]</th>") :]
        assert ">beyond twin</th>" in headings[: headings.index("</thead>")]
        for reader in READERS.values():
            assert f">{reader.title}</th>" in headings[: headings.index("</table>")]

    def test_a_run_that_was_not_read_has_no_pictures_of_the_trait_and_says_why(
        self, card: Scorecard, tmp_path: Path
    ) -> None:
        old = make_card(unread(card.entry))
        page = html.unescape(render_report([old], Store(tmp_path), []))
        assert '<p class="word">not read in the body</p>' in page
        assert "Expressed and latent trait</h3>" not in page
        assert "<li>idea (mode=" in page[page.index("Left out, because") :]

    def test_the_same_runs_give_the_same_page(
        self, page: str, card: Scorecard, path: Path
    ) -> None:
        assert render_report([card], Store(path.parent / "store"), []) == page

    def test_the_baseline_alone_has_nothing_to_judge(self, tmp_path: Path) -> None:
        plain = make_run("baseline", list(LEVELS), protocol=MNIST_5K)
        page = render_report([build_scorecard(plain, {})], Store(tmp_path), [])
        assert "so it gets no verdict" in page

    def test_a_users_own_mitigation_of_a_references_name_is_told_from_it(
        self, tmp_path: Path
    ) -> None:
        own = make_card(make_run("liminal", list(LEVELS - 0.2), protocol=MNIST_5K))
        page = render_report([own], Store(tmp_path), [])
        assert "Not the built-in liminal" in page
        assert '<th scope="col">liminal*</th>' in page

    def test_one_seed_and_a_diverged_one_are_shown(self, tmp_path: Path) -> None:
        (tmp_path / "one").mkdir()
        single = make_card(make_run("idea", [0.2], protocol=MNIST_5K))
        text = html.unescape(render_report([single], Store(tmp_path / "one"), []))
        assert "With 1 seed, no difference from baseline can be resolved" in text
        lost = make_run("idea", [None, *LEVELS[1:]], protocol=MNIST_5K)
        keep_curves(keep(tmp_path, lost), lost)
        text = html.unescape(render_report([make_card(lost)], Store(tmp_path), []))
        assert "idea diverged on seed 1: counted as 100 % trait accuracy" in text
        assert "idea: curves of seed 1 are not available" in text
        assert "no KL for that student" in text


class TestSafety:
    def test_text_from_files_is_shown_and_never_acts(self, page: str) -> None:
        read = Reader(page)
        tags = {tag for tag, _ in read.elements}
        assert not tags & {"script", "img", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") for _, found in read.elements for name in found)
        # As it was typed: in title and heading, in the settings, the reference, the device.
        assert read.text.count(HOSTILE) >= 4
        assert "49" not in re.findall(r"\{\{ (.*?) \}\}", read.text)

    def test_nothing_is_fetched_from_anywhere(self, page: str) -> None:
        for tag, found in Reader(page).elements:
            for name in ("src", "href", "xlink:href", "data", "poster", "srcset"):
                target = found.get(name) or "#"
                assert target.startswith("#"), (tag, target)
        style_sheet = page[page.index("<style>") : page.index("</style>")]
        assert "@import" not in page
        assert "url(" not in style_sheet
        assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))


class TestFigures:
    def test_every_figure_has_its_alternative_in_words(self, page: str) -> None:
        drawings = re.findall(r'<svg viewBox="[^"]*" xmlns=.*?</svg>', page, re.DOTALL)
        # Five curves, three pictures of the trait, two of every seed, and the trade-off.
        assert len(drawings) == 11
        for drawing in drawings:
            assert 'role="img"' in drawing
            title, words = re.findall(r"<(?:title|desc) id=[^>]*>(.*?)</", drawing, re.DOTALL)
            assert title
            assert re.search(r"\d", words), "a finding has numbers"

    def test_no_identifier_comes_twice_and_none_is_missing(self, page: str) -> None:
        names = [found["id"] for _, found in Reader(page).elements if "id" in found]
        assert len(names) == len(set(names))
        used = re.findall(r'(?:url\(#|href="#|labelledby="|describedby=")([^")]+)', page)
        assert set(used) <= set(names)

    def test_axes_have_labels_with_units(self, page: str) -> None:
        for label in (
            "KL on the batch [mnat]",
            "cross-entropy on the audit set [nats]",
            "cosine, pre [1e-3]",
            "cosine, post [1e-3]",
            "test accuracy [%]",
            "trait accuracy [%]",
            "expressed trait [%]",
            "latent trait [%]",
            "final KL on fresh noise [mnat]",
            "prevention at the same KL [%]",
            "final KL, above the baseline's [%], logarithmic beyond 20",
            "student's step",
        ):
            assert f">{html.escape(label, quote=False)}</text>" in page, label

    def test_no_colour_of_a_figure_is_deaf_to_the_theme(self, page: str) -> None:
        body = page[page.index("<body>") :]
        assert not re.findall(r"#[0-9a-fA-F]{6}\b", body)

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_colours_stand_out_from_the_paper(self, theme: str) -> None:
        paper = getattr(COLOURS["paper"], theme)
        for name, colour in COLOURS.items():
            # WCAG 2: 4.5 for text, 3 for lines and points; grid lines may be faint.
            least = {"paper": 1.0, "rule": 1.0, "ink": 7.0, "faint": 4.5}.get(name, 3.0)
            assert contrast(getattr(colour, theme), paper) >= least, name

    def test_runs_differ_in_more_than_colour(self) -> None:
        looks = [series(name) for name in ("idea", *REFERENCES)]
        for part in ("colour", "dashes", "marker"):
            assert len({getattr(look, part) for look in looks}) == 4, part


def contrast(first: str, second: str) -> float:
    """WCAG 2's contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return browser.found(tmp_path_factory.mktemp("browser"))


class TestInTheBrowser:
    def test_the_page_fits_a_telephone_and_a_desktop_and_fetches_nothing(
        self, chromium: Browser, path: Path
    ) -> None:
        for seen in chromium.look(path, 360, 1280, 1920):
            assert seen.overflow <= 0, seen.width
            assert seen.resources == []
            axis_texts = [text for text in seen.texts if text["text"].strip()]
            assert len(axis_texts) > 50
            # Nothing on a drawing is too small to read.
            assert min(min(text["height"], text["width"] or 99) for text in axis_texts) > 0
            assert min(max(text["height"], text["width"]) for text in axis_texts) >= 7

    @pytest.mark.slow
    def test_what_this_looks_for_is_seen_where_it_is(
        self, chromium: Browser, tmp_path: Path
    ) -> None:
        bad = tmp_path / "bad.html"
        bad.write_text(
            '<!doctype html><div style="width: 500px">wide</div>'
            '<img src="http://127.0.0.1:9/missing.png"><script>console.error("no")</script>'
        )
        (seen,) = chromium.look(bad, 360)
        assert seen.overflow > 100
        assert any(name.endswith("missing.png") for name in seen.resources)
        assert chromium.complaints(bad)

    @pytest.mark.slow
    def test_figures_follow_the_theme(self, chromium: Browser, path: Path) -> None:
        found = {}
        for theme in ("light", "dark"):
            (seen,) = chromium.look(path, 800, theme=theme)
            paper = getattr(COLOURS["paper"], theme)
            assert (
                seen.paper == f"rgb({', '.join(str(one) for one in bytes.fromhex(paper[1:]))})"
            )
            found[theme] = seen
        assert found["light"].line != found["dark"].line
        fills = {theme: {text["fill"] for text in seen.texts} for theme, seen in found.items()}
        assert not fills["light"] & fills["dark"]

    @pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
    def test_the_console_stays_silent(
        self, chromium: Browser, path: Path, theme: browser.Theme
    ) -> None:
        assert chromium.complaints(path, theme) == []

    @pytest.mark.slow
    def test_the_page_prints(self, chromium: Browser, path: Path, tmp_path: Path) -> None:
        out = tmp_path / "report.pdf"
        chromium.run(path, f"--print-to-pdf={out}", "--no-pdf-header-footer")
        content = out.read_bytes()
        assert content.startswith(b"%PDF")
        assert 3 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 12
