"""The benchmark from Python."""

from subliminal_bench.api.runs import Finished, compare, leaderboard_frame, run, score
from subliminal_bench.api.studies import ablate, find_study, grid, study
from subliminal_bench.api.tracks import FinishedTracks, run_on_tracks

__all__ = [
    "Finished",
    "FinishedTracks",
    "ablate",
    "compare",
    "find_study",
    "grid",
    "leaderboard_frame",
    "run",
    "run_on_tracks",
    "score",
    "study",
]
