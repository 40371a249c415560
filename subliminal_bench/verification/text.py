"""Regressions and renewed reference numbers as text."""

from tabulate import tabulate

from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.verification.regression import Finding
from subliminal_bench.verification.rerun import ReferenceUpdate


def line(finding: Finding, table: bool = False) -> str:
    """One line per entry; every metric below it, if wanted."""
    if not table or not finding.changes:
        return finding.line
    rows = [
        [
            change.metric,
            f"{change.after - change.before:+.0e}",
            f"{change.tolerance:.0e}",
            f"{change.worst:+.0e}",
            f"{change.worst_tolerance:.0e}",
            f"{100 * change.excess:.0f} %",
        ]
        for change in finding.changes
    ]
    headings = ["metric", "mean", "may", "seed", "may", "used"]
    shown = tabulate(rows, headings, tablefmt="plain", disable_numparse=True)
    return f"{finding.line}\n{shown}\n"


def update(one: ReferenceUpdate) -> str:
    """Old and new numbers, metric by metric."""
    new = one.new
    title = f"{new.mitigation.label}, {new.protocol.label}, {seeds_phrase(new.seed_numbers)}"
    if one.old is None:
        title += ": no numbers before"
    elif one.old.protocol.label != new.protocol.label:
        title += f": the old numbers belong to {one.old.protocol.label} and are not comparable"
    elif one.old.seed_numbers != new.seed_numbers:
        title += f"; before: {seeds_phrase(one.old.seed_numbers)}"
    headings = ["metric", "old mean", "new mean", "largest change of a seed"]
    shown = tabulate(one.rows(), headings, tablefmt="plain", disable_numparse=True)
    return f"{title}\n\n{shown}\n"
