"""A run says early how its seeds compare with the baseline's."""

from subliminal_bench.running.pairs import Pairs


def metrics(trait: float | None, kl: float | None = 1e-3) -> dict[str, float | None]:
    return {"trait_accuracy": trait, "kl_fresh": kl}


def test_a_line_comes_after_1_2_and_4_seeds_with_means_over_all_of_them() -> None:
    lines: list[str] = []
    known = {seed: metrics(0.5) for seed in range(1, 9)}
    pairs = Pairs("halve", "baseline", known, lines.append)
    for seed in range(1, 6):
        pairs("halve", seed, metrics(0.1 * seed, 1.1e-3))
    assert lines == [
        "seed 1: trait accuracy 10.00 %, the baseline's 50.00 %; final KL x1.10 of it",
        "seeds 1-2: trait accuracy 15.00 %, the baseline's 50.00 %; final KL x1.10 of it",
        "seeds 1-4: trait accuracy 25.00 %, the baseline's 50.00 %; final KL x1.10 of it",
    ]


def test_a_baseline_that_runs_too_is_waited_for() -> None:
    lines: list[str] = []
    pairs = Pairs("halve", "baseline", {}, lines.append)
    pairs("halve", 3, metrics(0.25))
    pairs("liminal", 3, metrics(0.4))
    assert lines == []
    pairs("baseline", 3, metrics(0.5))
    pairs("liminal", 4, metrics(0.4))
    assert lines == [
        "seed 3: trait accuracy 25.00 %, the baseline's 50.00 %; final KL x1.00 of it"
    ]


def test_a_diverged_seed_is_no_number() -> None:
    lines: list[str] = []
    pairs = Pairs("halve", "baseline", {1: metrics(0.5), 2: metrics(0.5)}, lines.append)
    pairs("halve", 1, metrics(None, None))
    assert lines == []


def test_the_baseline_itself_is_compared_with_nothing() -> None:
    lines: list[str] = []
    pairs = Pairs("baseline", "baseline", {}, lines.append)
    pairs("baseline", 1, metrics(0.5))
    assert lines == []
