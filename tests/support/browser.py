"""A real browser without a window: what a page does in it."""

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_QUIET = (
    "--headless",
    # A container's root may not have the sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--virtual-time-budget=2000",
    "--enable-logging=stderr",
)
_MEASURE = """<script>
addEventListener("load", () => {
  const root = document.documentElement;
  const line = document.querySelector("figure svg [style*='--baseline']");
  parent.postMessage({
    width: innerWidth,
    overflow: root.scrollWidth - innerWidth,
    resources: performance.getEntriesByType("resource").map(one => one.name),
    paper: getComputedStyle(document.body).backgroundColor,
    line: line && [getComputedStyle(line).stroke, getComputedStyle(line).fill],
    texts: [...document.querySelectorAll("figure text")].map(text => {
      const box = text.getBoundingClientRect();
      return {text: text.textContent, height: box.height, width: box.width,
              fill: getComputedStyle(text).fill};
    }),
  }, "*");
});
</script>"""
_PROBE = """<!doctype html><title>probe</title><body><script>
addEventListener("message", event => {
  const said = document.createElement("pre");
  said.textContent = JSON.stringify(event.data);
  document.body.append(said);
});
</script>"""

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Seen:
    """What a page did at one width."""

    width: int
    overflow: int
    resources: list[str]
    paper: str
    line: list[str] | None
    texts: list[dict[str, Any]]


class Browser:
    """Chromium, with a profile of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    def run(self, page: Path, *options: str, theme: Theme = "light") -> tuple[str, str]:
        """Open a page: what it printed, and what it logged."""
        scheme = {"dark": 0, "light": 1}[theme]
        done = subprocess.run(
            [
                self._program,
                *_QUIET,
                f"--user-data-dir={self._folder / 'profile'}",
                f"--blink-settings=preferredColorScheme={scheme}",
                *options,
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "HOME": str(self._folder)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    def complaints(self, page: Path, theme: Theme = "light") -> list[str]:
        """What the console says while the page is shown as it is."""
        _, logged = self.run(page, "--dump-dom", theme=theme)
        return [line for line in logged.splitlines() if ":CONSOLE" in line]

    def look(self, page: Path, *widths: int, theme: Theme = "light") -> list[Seen]:
        """Measure a page at these widths, a frame each: a window has a smallest one."""
        text = page.read_text(encoding="utf-8")
        # The page itself lets no script run.
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        measured = self._folder / "measured.html"
        measured.write_text(text + _MEASURE, encoding="utf-8")
        frames = "".join(
            f'<iframe src="measured.html" style="width: {width}px; height: 900px; border: 0">'
            "</iframe>"
            for width in widths
        )
        probe = self._folder / "probe.html"
        probe.write_text(_PROBE + frames, encoding="utf-8")
        dom, _ = self.run(
            probe, "--dump-dom", f"--window-size={max(widths) + 100},900", theme=theme
        )
        found = [
            Seen(**json.loads(html.unescape(said)))
            for said in re.findall(r"<pre>(.*?)</pre>", dom, re.DOTALL)
        ]
        assert sorted(seen.width for seen in found) == sorted(widths), dom[-2000:]
        return sorted(found, key=lambda seen: seen.width)


def program() -> str:
    """The browser of this machine, or a skip that says what to install."""
    path = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium here: install the package 'chromium'")
    return path


def found(folder: Path) -> Browser:
    """The browser of this machine with a profile in a folder, or a skip."""
    return Browser(program(), folder)
