"""The statistics behind a verdict: they compare the numbers of two entries on the same seeds.

Seed s has the same split, initialisation, teacher and noise under every entry, so every
comparison here pairs the entries seed by seed. This package uses neither torch nor files: it
takes numbers and returns numbers, and the same input gives bit-identical output. Each subject
has its own file.
"""

from subliminal_bench.scoring.statistics.bias import (
    Bias,
    bias_between,
    bias_of_new_seeds,
    bias_of_pairs,
    bias_under_rounding,
)
from subliminal_bench.scoring.statistics.distillation import (
    MARGIN,
    NonInferiority,
    non_inferiority,
)
from subliminal_bench.scoring.statistics.fieller import ratio_bound
from subliminal_bench.scoring.statistics.matching import Matched, at_equal_distillation
from subliminal_bench.scoring.statistics.paired import (
    PairedDifference,
    nearer_zero,
    paired_difference,
)
from subliminal_bench.scoring.statistics.prevention import (
    HIDDEN_SHARE,
    REMOVED_SEEDS,
    SHARE_MARGIN,
    Prevention,
    below_untrained,
    clears_margin,
    hidden,
    prevention,
    prevention_by_seed,
    removed,
)
from subliminal_bench.scoring.statistics.ranks import holm, pareto_front, tie_groups
from subliminal_bench.scoring.statistics.resolution import (
    power,
    resolvable_difference,
    smallest_difference,
)
from subliminal_bench.scoring.statistics.rounding import rounding_allowance
from subliminal_bench.scoring.statistics.shares import Readings, Share, share_of
from subliminal_bench.scoring.statistics.sign_flip import (
    RESAMPLES,
    sign_flip_p,
    sign_flip_p_of_rows,
    smallest_p,
)
from subliminal_bench.scoring.statistics.summaries import (
    interquartile_mean,
    probability_of_improvement,
    worst_score_for_diverged,
    worst_tenth,
)
from subliminal_bench.scoring.statistics.values import noise

__all__ = [
    "HIDDEN_SHARE",
    "MARGIN",
    "REMOVED_SEEDS",
    "RESAMPLES",
    "SHARE_MARGIN",
    "Bias",
    "Matched",
    "NonInferiority",
    "PairedDifference",
    "Prevention",
    "Readings",
    "Share",
    "at_equal_distillation",
    "below_untrained",
    "bias_between",
    "bias_of_new_seeds",
    "bias_of_pairs",
    "bias_under_rounding",
    "clears_margin",
    "hidden",
    "holm",
    "interquartile_mean",
    "nearer_zero",
    "noise",
    "non_inferiority",
    "paired_difference",
    "pareto_front",
    "power",
    "prevention",
    "prevention_by_seed",
    "probability_of_improvement",
    "ratio_bound",
    "removed",
    "resolvable_difference",
    "rounding_allowance",
    "share_of",
    "sign_flip_p",
    "sign_flip_p_of_rows",
    "smallest_difference",
    "smallest_p",
    "tie_groups",
    "worst_score_for_diverged",
    "worst_tenth",
]
