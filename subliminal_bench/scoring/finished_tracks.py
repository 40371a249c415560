"""Finished runs of one mitigation on several tracks, scored without running anything."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.lookup import finished_references, matching_entry
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, Run
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.robust import (
    RobustScorecard,
    TrackRow,
    against_baseline,
    other_shares,
    share_on,
)
from subliminal_bench.scoring.scorecard import build_scorecard

NO_RUN = "no finished run"


def scored_on_tracks(
    runs: Sequence[Run], tracks: Sequence[Protocol], store: Store, root: Path | None = None
) -> list[RobustScorecard]:
    """A scorecard over the tracks for each run's mitigation, with the setting that it had.

    A track without finished runs of the mitigation, or of its references, is a row that says
    so.

    Args:
        runs: one of each mitigation, under any protocol.
        tracks: in the order of the rows.
        store: to look in, before the committed entries.
        root: of the leaderboard whose entries are compared; by default the one that ships.
    """
    others = [other_shares(track, root) for track in tracks]
    found = [
        RobustScorecard(
            run.mitigation.label,
            tuple(
                _row(run, track, store, known)
                for track, known in zip(tracks, others, strict=True)
            ),
        )
        for run in runs
    ]
    return [_beside(one, [other for other in found if other is not one]) for one in found]


def _row(run: Run, track: Protocol, store: Store, known: dict[str, float]) -> TrackRow:
    own = run
    if run.protocol != ProtocolRecord.of(track):
        stored = _finished(run.mitigation, track, store)
        if stored is None:
            return TrackRow(track.name, None, NO_RUN, known)
        own = stored
    try:
        card = build_scorecard(own, *finished_references(own, store))
    except ResultError as error:
        # What is missing is said; how to run it is the same for every track.
        return TrackRow(track.name, None, error.message, known)
    beside = {
        other.mitigation.label: share_on(
            against_baseline(other.only(card.seeds), card.baseline.only(card.seeds))
        )
        for other in card.all_runs
        if other is not card.entry and BASELINE in card.names
    }
    return TrackRow(track.name, card, None, {**known, **beside})


def _finished(mitigation: MitigationRecord, track: Protocol, store: Store) -> Run | None:
    """The run of exactly that mitigation: from the store, else the committed entry."""
    for folder in store.find(mitigation.name, track.name):
        header = folder.header
        if header.mitigation == mitigation and header.protocol == ProtocolRecord.of(track):
            return folder.run()
    return matching_entry(mitigation, track, ())


def _beside(card: RobustScorecard, others: Sequence[RobustScorecard]) -> RobustScorecard:
    """The same scorecard, with the other scored mitigations among its others."""
    rows = []
    for place, row in enumerate(card.rows):
        more = {one.name: one.rows[place].share for one in others if one.rows[place].card}
        rows.append(replace(row, others={**row.others, **more}))
    return replace(card, rows=tuple(rows))
