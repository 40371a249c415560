"""Published results: the paper's headline numbers, and per-seed results read from files."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas

from subliminal_bench.errors import ResultError
from subliminal_bench.reports.curves import Curves
from subliminal_bench.untrusted.regular_file import read_bytes

# Kitkana & Arora, arXiv 2604.25779, and its published runs.
SEEDS = 100
# Of a file: every step of a thousand seeds has some 50 MB.
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class Headline:
    """One published mean and standard deviation over seeds 1 to 100.

    Attributes:
        entry: the entry's name.
        metric: its name in `metrics.METRICS`; values are unscaled.
        mean: over the seeds.
        sd: over the seeds.
    """

    entry: str
    metric: str
    mean: float
    sd: float


# Projection's published alignment was measured on one mini-batch at every tenth step, ours on
# the whole audit set at every step: only accuracy and share of altered steps are comparable.
HEADLINES = (
    Headline("baseline", "teacher_accuracy", 0.9376, 0.0021),
    Headline("baseline", "trait_accuracy", 0.5528, 0.1048),
    Headline("projection", "trait_accuracy", 0.1014, 0.0133),
    Headline("liminal", "trait_accuracy", 0.4897, 0.0963),
    Headline("baseline", "positive_fraction_pre", 0.781, 0.102),
    Headline("baseline", "cosine_mean_pre", 0.00752, 0.00167),
    Headline("baseline", "inner_mean_pre", 2.532e-4, 0.327e-4),
    Headline("baseline", "cosine_mean_first_epoch_pre", 0.00812, 0.00214),
    Headline("baseline", "kl_mean", 0.001000, 0.000114),
    Headline("liminal", "kl_mean", 0.002073, 0.000504),
    Headline("liminal", "cosine_mean_pre", 0.00355, 0.0108),
    Headline("liminal", "cosine_mean_post", 0.00728, 0.00153),
    Headline("liminal", "cosine_mean_first_epoch_post", 0.00574, 0.00129),
    Headline("projection", "altered_fraction", 0.562, 0.037),
)

# Columns of the published tables, and their names here.
_PER_SEED = {
    "teacher": ("baseline", "teacher_accuracy"),
    "baseline": ("baseline", "trait_accuracy"),
    "projection": ("projection", "trait_accuracy"),
    "projected_fraction": ("projection", "altered_fraction"),
    "liminal": ("liminal", "trait_accuracy"),
}
_PER_STEP = {
    "trait_loss": "trait_loss",
    "distill_loss": "distill_loss",
    "cos_pre": "cosine_pre",
    "cos_post": "cosine_post",
}


@dataclass(frozen=True)
class Published:
    """Published results read from files.

    Attributes:
        values: by entry and metric, by seed; unscaled.
        curves: by entry, by seed, by name as in `metrics.CURVES`.
    """

    values: Mapping[tuple[str, str], Mapping[int, float]]
    curves: Mapping[str, Mapping[int, Curves]]


NOTHING = Published({}, {})


def read_published(folder: Path) -> Published:
    """Read a folder with published results.

    `*per_seed*.csv` have the columns seed, teacher, baseline, projection, projected_fraction
    and liminal, accuracies as fractions; `*per_step*.csv` have seed, entry, step, trait_loss,
    distill_loss, cos_pre and cos_post. Either may be missing; further columns are ignored.

    Raises:
        ResultError: there is no such folder, no such file in it, or a file cannot be read.
    """
    if not folder.is_dir():
        raise ResultError(f"no such folder: {folder}")
    per_seed, per_step = (
        sorted(folder.glob(f"*{kind}*.csv")) for kind in ("per_seed", "per_step")
    )
    if not per_seed and not per_step:
        raise ResultError(f"{folder} contains neither *per_seed*.csv nor *per_step*.csv")
    values: dict[tuple[str, str], dict[int, float]] = {one: {} for one in _PER_SEED.values()}
    for path in per_seed:
        table = _table(path, [*_PER_SEED])
        for column, what in _PER_SEED.items():
            values[what] |= dict(zip(table["seed"], table[column].astype(float), strict=True))
    curves: dict[str, dict[int, Curves]] = {}
    for path in per_step:
        table = _table(path, [*_PER_STEP], words=["entry"], whole=["step"])
        for (entry, seed), rows in table.sort_values("step").groupby(["entry", "seed"]):
            curves.setdefault(str(entry), {})[int(str(seed))] = {
                name: rows[column].to_numpy(np.float32) for column, name in _PER_STEP.items()
            }
    return Published(values, curves)


def _table(
    path: Path,
    numbers: list[str],
    words: list[str] | None = None,
    whole: list[str] | None = None,
) -> pandas.DataFrame:
    """Read a CSV file and check that it has these columns."""
    try:
        table = pandas.read_csv(io.BytesIO(read_bytes(path, _MOST_BYTES)))
    except (ValueError, RecursionError) as error:
        raise ResultError(f"cannot read {path}: {error}") from None
    integers = ["seed", *(whole or [])]
    missing = [name for name in (*integers, *(words or []), *numbers) if name not in table]
    if missing:
        raise ResultError(f"{path} lacks the columns {', '.join(missing)}")
    for name in (*integers, *numbers):
        if not pandas.api.types.is_numeric_dtype(table[name]) or table[name].isna().any():
            raise ResultError(f"{path}: column {name} contains a value that is not a number")
    return table.astype(dict.fromkeys(integers, int))
