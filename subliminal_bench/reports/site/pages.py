"""The whole site, page by page: the same committed files give the same bytes."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from subliminal_bench import shipped
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports.drawings import DescribedFigure
from subliminal_bench.reports.row_words import SORT_KEY
from subliminal_bench.reports.section import PageFigure, placed
from subliminal_bench.reports.site import overview
from subliminal_bench.reports.site.answers import answers
from subliminal_bench.reports.site.entry_page import entry_page
from subliminal_bench.reports.site.material import Material, read_material
from subliminal_bench.reports.site.prose import addresses, page_of, rendered
from subliminal_bench.reports.site.table import Group, groups_apart, ranked_groups, table_row
from subliminal_bench.reports.site.track_page import track_page
from subliminal_bench.reports.templating import page_templates

# The pages of the navigation: what is written, and where it leads.
_NAVIGATION = (
    ("Leaderboard", "index.html"),
    ("Findings", "docs/findings.html"),
    ("Submit yours", "docs/submit-yours.html"),
    ("Language models?", "docs/language-models.html"),
    ("Documentation", "docs/index.html"),
)


def render_site(root: Path, documents: Path | None = None) -> dict[str, bytes]:
    """Every page of the site, by its path in it.

    Args:
        root: the leaderboard's folder.
        documents: the folder of the documents; by default those that ship.

    Raises:
        ResultError, ProtocolError: a file cannot be read, or an entry is not eligible.
    """
    material = read_material(root)
    site = _Site(material, page_templates(()))
    pages = {"index.html": site.front()}
    for level in material.levels:
        for found in level.rows:
            content = entry_page(found, table_row(found, level), material)
            name = f"entries/{content.row.slug}.html"
            pages[name] = site.page("entry", name, entry=content)
    slugs = frozenset(row.run.mitigation.file_stem for row in material.rows)
    for track in material.tracks:
        name = f"tracks/{track.protocol.name}.html"
        pages[name] = site.page("track", name, track=track_page(track, slugs))
    pages |= site.documents(documents or shipped.folder("docs"))
    return {name: pages[name].encode() for name in sorted(pages)}


def render_front(material: Material) -> str:
    """The front page alone."""
    return _Site(material, page_templates(())).front()


@dataclass(frozen=True)
class _Site:
    material: Material
    templates: Environment

    def page(self, template: str, path: str, **content: Any) -> str:
        """A page at its path; links in it lead from there."""
        up = "../" * path.count("/")
        # The first of them; the front page leads to all.
        canonical = self.material.tracks[0].protocol.name
        first, *rest = _NAVIGATION
        return self.templates.get_template(f"site/{template}.html.jinja").render(
            up=up,
            here=path,
            navigation=[first, ("The experiment", f"tracks/{canonical}.html"), *rest],
            **content,
        )

    def front(self) -> str:
        """The front page."""
        plain = self.material.tracks[0].cards[BASELINE]
        spots = overview.spots_of(self.material.rows)
        ranked, apart = ranked_groups(self.material.levels), groups_apart(self.material.levels)
        script = table_script()
        return self.page(
            "front",
            "index.html",
            answers=answers(self.material),
            trait=_figure("trait", overview.what_the_trait_is(spots, plain)),
            corner=_figure("corner", overview.what_nobody_reached(spots, plain)),
            not_drawn=len(self.material.rows) - len(spots) - 1,
            ranked=ranked,
            apart=apart,
            filters=filters([*ranked, *apart]),
            sort_key=SORT_KEY,
            protocol=self.material.tracks[0].protocol,
            script=script,
            script_hash=_hash_of(script),
        )

    def documents(self, folder: Path) -> dict[str, str]:
        """The documents, each as a page."""
        names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.md"))]
        found = {}
        for name in names:
            depth = name.count("/")
            path = folder / name
            text = path.read_text(encoding="utf-8")
            document = rendered(text, addresses(names, depth), path.parent)
            page = f"docs/{page_of(name)}"
            found[page] = self.page("document", page, document=document)
        return found


def table_script() -> Markup:
    """The script that sorts and filters the table."""
    return Markup((Path(__file__).parent / "table.js").read_text(encoding="utf-8"))


def filters(groups: list[Group]) -> Mapping[str, list[str]]:
    """What the table can be filtered by: the values of each kind, in the order of the table."""
    rows = [row for group in groups for row in group.rows]
    return {
        "access": list(dict.fromkeys(row.access for row in rows)),
        "word": list(dict.fromkeys(row.kind for row in rows)),
    }


def _figure(slug: str, drawn: DescribedFigure | None) -> PageFigure | None:
    return placed(slug, drawn) if drawn else None


def _hash_of(script: str) -> str:
    """The hash by which a page allows one script and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
