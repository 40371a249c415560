"""Accuracies of two entries over the same seeds, drawn for properties."""

from hypothesis import strategies as st

from subliminal_bench.scoring import statistics

# Accuracies come in ten-thousandths, so whole numbers tell exactly what ties.
ticks = st.integers(0, 10_000)


def pairs(least: int, most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(ticks, ticks), min_size=least, max_size=most)


def accuracies(seeds: list[tuple[int, int]]) -> tuple[list[float], list[float]]:
    return [a / 10_000 for a, _ in seeds], [b / 10_000 for _, b in seeds]


def some_p(entry: list[float], reference: list[float]) -> float:
    p_value = statistics.paired_difference(entry, reference).p_value
    assert p_value is not None
    return p_value
