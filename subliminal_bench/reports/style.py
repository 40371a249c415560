"""How runs are distinguished: by colour, and also by line and marker.

The hues are from Okabe and Ito (2008); people with any colour vision can distinguish them. The
dark theme uses lighter colours of the same hues.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib

from subliminal_bench.mitigation.builtin import REFERENCES


@dataclass(frozen=True)
class Colour:
    """One colour of the palette in both themes, as `#rrggbb`."""

    light: str
    dark: str


# By the name of the CSS variable for it on a page.
COLOURS: dict[str, Colour] = {
    "paper": Colour("#ffffff", "#14171b"),
    "ink": Colour("#1b1f24", "#e9ebee"),
    "faint": Colour("#5b636d", "#a4adb8"),
    "rule": Colour("#d5d9de", "#3a414a"),
    "entry": Colour("#d55e00", "#ff8f3f"),
    "baseline": Colour("#1a1a1b", "#f0f1f2"),
    "projection": Colour("#009e73", "#2fd0a2"),
    "liminal": Colour("#0072b2", "#5ab8ee"),
}


@dataclass(frozen=True)
class Series:
    """The look of one run.

    Attributes:
        colour: its name in `COLOURS`.
        dashes: lengths of dashes and gaps in points; empty for a solid line.
        marker: its name in matplotlib.
        width: of its line, in points.
    """

    colour: str
    dashes: tuple[float, ...]
    marker: str
    width: float = 1.3

    @property
    def line(self) -> dict[str, Any]:
        """The line's properties for matplotlib."""
        style = (0, self.dashes) if self.dashes else "-"
        return {"color": light(self.colour), "linestyle": style, "linewidth": self.width}

    @property
    def dasharray(self) -> str:
        """The dashes in SVG's form."""
        return " ".join(f"{length * self.width:g}" for length in self.dashes) or "none"


_ENTRY = Series("entry", (), "o", 2.0)
_REFERENCES = {
    "baseline": Series("baseline", (5, 2), "s"),
    "projection": Series("projection", (1, 1.5), "^", 1.6),
    "liminal": Series("liminal", (7, 2, 1, 2), "D"),
}
assert tuple(_REFERENCES) == REFERENCES
# Models that no mitigation changes: groups of points beside those of runs.
UNTRAINED = Series("faint", (), "x")
TEACHER = Series("faint", (), "*")


def series(name: str) -> Series:
    """The look of a reference, or of a scored entry of any name.

    >>> series("baseline").dashes, series("my-idea").colour
    ((5, 2), 'entry')
    """
    return _REFERENCES.get(name, _ENTRY)


def light(colour: str) -> str:
    """The colour for drawing figures; a page replaces it with its CSS variable."""
    return COLOURS[colour].light


# Small text on a small drawing, because on a phone a drawing is as wide as the screen.
_SETTINGS: Any = {
    "axes.edgecolor": light("rule"),
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": light("ink"),
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": light("ink"),
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": light("rule"),
    "grid.linewidth": 0.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "subliminal-bench",
    "text.color": light("ink"),
    # A name may contain a dollar sign.
    "text.parse_math": False,
    "xtick.color": light("faint"),
    "xtick.labelsize": 8,
    "ytick.color": light("faint"),
    "ytick.labelsize": 8,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Use this package's style for figures inside the context, not the user's settings."""
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_SETTINGS}):
        yield
