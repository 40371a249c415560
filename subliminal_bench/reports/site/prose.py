"""Documents in markdown as pages; what is not markdown stays text."""

import base64
import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_LEAVES = re.compile(r"^[a-z][a-z0-9+.-]*:|^//", re.IGNORECASE)
_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Document:
    """A document as a page.

    Attributes:
        title: its first heading.
        body: its content below that heading.
    """

    title: str
    body: Markup


def anchor(heading: str) -> str:
    """The name of a heading within its page, as code hosts make it.

    >>> anchor("Why seeds are paired?")
    'why-seeds-are-paired'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def rendered(text: str, pages: Mapping[str, str], folder: Path | None = None) -> Document:
    r"""A document in markdown, without any HTML of its own.

    A link to a page that the site has leads there, and a link out of it stays; any other
    becomes its text, because there is nothing to open.

    Args:
        text: of the document.
        pages: the site's addresses by what documents write, such as `verdict.md`.
        folder: that the document is in, for its pictures; None if it has none.

    >>> rendered("# One\n\nSee [two](two.md), [three](three.md).", {"two.md": "two.html"}).body
    Markup('<p>See <a href="two.html">two</a>, three.</p>\n')
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    title = _take_title(tokens)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(_plain(tokens[place + 1])))
        if token.type == "table_open":
            # A box that scrolls, which the keyboard reaches too.
            token.attrSet("class", "words")
        _link(token.children or [], pages, folder)
    body = parser.renderer.render(tokens, parser.options, {})
    opening = '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table'
    body = body.replace("<table", opening).replace("</table>", "</table></div>")
    body = body.replace("<pre>", '<pre tabindex="0">')
    # Made by the parser, which escapes whatever it takes for text.
    return Document(title, Markup(body))


def _take_title(tokens: list[Token]) -> str:
    """The text of the first heading, which the page writes itself."""
    if len(tokens) < 3 or tokens[0].type != "heading_open":
        return ""
    title = _plain(tokens[1])
    del tokens[:3]
    return title


def _plain(token: Token) -> str:
    """The text of a heading without its marks."""
    return "".join(
        child.content for child in token.children or [] if child.type in ("text", "code_inline")
    )


def _link(children: list[Token], pages: Mapping[str, str], folder: Path | None) -> None:
    """Lead links to the site's pages, and take the pictures in."""
    open_as: list[bool] = []
    kept: list[Token] = []
    for child in children:
        if child.type == "link_open":
            target = _target(str(child.attrGet("href") or ""), pages)
            open_as.append(bool(target))
            if target:
                child.attrSet("href", target)
        if child.type in ("link_open", "link_close"):
            leads = open_as[-1] if child.type == "link_open" else open_as.pop()
            if not leads:
                continue
        if child.type == "image" and not _take_in(child, folder):
            continue
        kept.append(child)
    children[:] = kept


def _target(address: str, pages: Mapping[str, str]) -> str:
    """Where a link leads on the site; empty if nowhere."""
    if _LEAVES.match(address) or address.startswith("#"):
        return address
    name, hash_mark, within = address.partition("#")
    found = pages.get(posixpath.normpath(name))
    return f"{found}{hash_mark}{within}" if found else ""


def _take_in(image: Token, folder: Path | None) -> bool:
    """Write a picture into the page; one that is not here is left out."""
    name = str(image.attrGet("src") or "")
    path = (folder or Path()) / name
    if folder is None or "/" in name or path.suffix not in _KINDS or not path.is_file():
        return False
    content = base64.b64encode(path.read_bytes()).decode()
    image.attrSet("src", f"data:{_KINDS[path.suffix]};base64,{content}")
    image.attrSet("alt", image.content)
    return True


def addresses(documents: Collection[str], depth: int = 0) -> dict[str, str]:
    """Where documents are on the site, by what another of them writes.

    Args:
        documents: their paths in the folder of documents, such as `verdict.md`.
        depth: of the document that writes, in folders.

    >>> addresses(["verdict.md"], 1)["../verdict.md"]
    '../verdict.html'
    """
    up = "../" * depth
    found = {f"{up}{name}": f"{up}{page_of(name)}" for name in documents}
    # From the checkout's root, the leaderboard's page is the front page.
    found[f"{up}../leaderboard/README.md"] = f"{up}../index.html"
    return found


def page_of(document: str) -> str:
    """The page of a document: an overview is its folder's first page.

    >>> page_of("verdict.md"), page_of("reproduction/README.md")
    ('verdict.html', 'reproduction/index.html')
    """
    folder, name = posixpath.split(document)
    stem = "index" if name == "README.md" else name.removesuffix(".md")
    return posixpath.join(folder, f"{stem}.html")
