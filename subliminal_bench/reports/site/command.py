"""How an entry is run again; the templates write the options."""

import shlex
from dataclasses import dataclass

from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.reports.site.material import Material
from subliminal_bench.scoring.scorecard import Scorecard


@dataclass(frozen=True)
class RunCommand:
    """What is typed to run an entry again, each part quoted for a shell.

    Attributes:
        mitigation: its name or file.
        settings: that differ from its card's, `name=value` each.
        protocol: the experiment.
        seeds: the published ones.
        is_ours: whether its source ships with this program; others' is run in isolation.
        entry: the file of the entry.
    """

    mitigation: str
    settings: tuple[str, ...]
    protocol: str
    seeds: str
    is_ours: bool
    entry: str


def run_command(card: Scorecard, material: Material) -> RunCommand:
    """What is typed to run an entry again, from a checkout's root."""
    mitigation = card.entry.mitigation
    submitted = material.submission(card.entry)
    return RunCommand(
        mitigation=shlex.quote(f"leaderboard/{submitted}" if submitted else mitigation.name),
        settings=tuple(map(shlex.quote, mitigation.changed_settings)),
        protocol=card.protocol.name,
        seeds=describe_seeds(card.seeds),
        is_ours=not submitted,
        entry=shlex.quote(f"leaderboard/entries/{mitigation.file_stem}.json"),
    )
