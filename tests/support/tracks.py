"""One mitigation and its references on several tracks, made by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import ROBUST
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.run import MitigationRecord, Run, write_run
from subliminal_bench.scoring.committed_tracks import CommittedTracks, committed_tracks
from tests.support.runs import keep, make_run

LEVELS = np.linspace(0.4, 0.7, 8)


def built_in(name: str, track: Protocol, levels: Sequence[float] = tuple(LEVELS)) -> Run:
    """A reference's run, with the record of the one that ships."""
    record = MitigationRecord.of(load_mitigation(name))
    run = make_run(name, list(levels), protocol=track, access=record.access)
    return run.model_copy(update={"mitigation": record})


def references_on(track: Protocol) -> list[Run]:
    """The three references; projection prevents half, liminal hardly anything."""
    return [
        built_in("baseline", track),
        built_in("projection", track, tuple(LEVELS - 0.22 + 0.01 * np.sin(LEVELS * 40))),
        built_in("liminal", track, tuple(LEVELS - 0.03 + 0.01 * np.sin(LEVELS * 40))),
    ]


def idea_on(track: Protocol, shift: float = 0.15, name: str = "idea") -> Run:
    """A mitigation that takes so much from the trait of every seed, more or less."""
    scatter = 0.01 * np.sin(LEVELS * 50)
    return make_run(name, list(LEVELS - shift + scatter), protocol=track)


def fill(store: Path, *runs: Run) -> Path:
    """Lay runs into a store."""
    for run in runs:
        keep(store, run)
    return store


def commit(root: Path, *runs: Run) -> Path:
    """Lay runs beside the references of their tracks, in a leaderboard."""
    for run in runs:
        folder = root / "references" / run.protocol.name
        write_run(folder / f"{run.mitigation.name}.json", run)
    return root


def on_the_robust_set(root: Path, shift: float = 0.15, worst: str = "") -> CommittedTracks:
    """The committed tracks where `idea` prevents alike on all, but less on the worst."""
    for track in ROBUST[1:]:
        idea = idea_on(track, 0.04 if track.name == worst else shift)
        commit(root, built_in("baseline", track), idea)
    return committed_tracks(root)
