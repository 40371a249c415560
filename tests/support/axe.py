"""axe-core, which looks for what keeps people from reading a page."""

import pytest

from tests.support.devtools import Page
from tests.support.documents import ROOT

_SCRIPT = ROOT / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(
  one => `${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(" | ")}`
))"""


def script() -> str:
    """The text of axe-core, or a skip that says how to get it."""
    if not _SCRIPT.is_file():
        pytest.skip("no axe-core here: npm ci")
    return _SCRIPT.read_text(encoding="utf-8")


def violations(page: Page, script: str) -> list[str]:
    """What axe finds on the page that is open: the rule and some elements each."""
    page.evaluate(f"{script}; 0")
    found: list[str] = page.evaluate(_RUN)
    return found
