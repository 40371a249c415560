"""What a reader found in an entry, as a short table in words."""

import math
import textwrap

from subliminal_bench.experiment.readers import READERS
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.scoring.breaking import Break, Found

_WIDTH = 80
_INDENT = 19


def text(
    reader: str, entry: str, protocol: str, seeds: tuple[int, ...], found: Found, one: Break
) -> str:
    """The table, at 80 columns.

    Args:
        reader: its name.
        entry: the entry's label.
        protocol: its label.
        seeds: of the students.
        found: the reader's accuracies.
        one: what they say.
    """
    rows = [
        ("share found", _share(one)),
        ("the verdict's best", f"{_number(one.best.path)}, {READERS[one.best.name].title}"),
        (
            "accuracy",
            f"{found.entry.mean():.3f}; plain distillation at equal KL "
            f"{found.plain.mean():.3f}, untrained {found.untrained.mean():.3f}",
        ),
        (
            "controls",
            f"another order of the data: standard error {_number(found.standard_error, 3)} at "
            f"20 seeds; learned nothing: {_number(found.in_decoy)} of the gain",
        ),
        ("the reader", "counts" if one.counts else f"does not count: {one.why_not[0]}"),
        *(("", f"and: {reason}") for reason in one.why_not[1:]),
        ("what follows", follows(one)),
    ]
    title = f"{reader} reads {entry}: {protocol}, {seeds_phrase(seeds)}"
    return "\n".join([*textwrap.wrap(title, _WIDTH), "", *(_row(*row) for row in rows)])


def follows(one: Break) -> str:
    """What follows for the entry, in words."""
    if not one.counts:
        return "nothing, because the reader does not count"
    if one.breaks:
        return (
            f"prevention falls from {100 * one.before:.0f} % to {100 * one.after:.0f} %, on "
            "these seeds"
        )
    if one.share.path > one.best.path:
        return (
            "nothing: it is not shown to find more than the verdict's readers, whose best "
            "share its interval includes"
        )
    return "nothing: it finds no more than the verdict's readers"


def _share(one: Break) -> str:
    if not math.isfinite(one.share.path):
        return "not known: in plain distillation at equal KL the reader finds nothing"
    return (
        f"{_number(one.share.path)} of plain distillation's gain at equal KL; 95 % interval "
        f"{_number(one.low)} to {_number(one.high)}"
    )


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "not known"


def _row(name: str, said: str) -> str:
    return textwrap.fill(
        said, _WIDTH, initial_indent=name.ljust(_INDENT), subsequent_indent=" " * _INDENT
    )
