"""The looks of a hundred planned seeds."""

from subliminal_bench.running.score import planned_looks

HUNDRED = planned_looks(tuple(range(1, 101)))
