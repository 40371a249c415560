"""The metrics of a seed: their names, their meaning and how they are printed.

Everything that the program knows about a metric is one of its attributes: code that prints,
checks or tests metrics reads these attributes and has no list of its own. This module does not
import torch, because results, statistics and all pages use it.
"""

from dataclasses import dataclass, field
from typing import Literal

from subliminal_bench.experiment.readers import EXPRESSED, READERS

Unit = Literal[
    "percent",
    "nats",
    "millinats",
    "count",
    "norm",
    "cosine",
    "inner",
    "explained",
    "similarity",
]
# When a metric is measured: on the untrained model or the teacher, which no mitigation changes;
# on the student before its first step, which only the hook `start` changes; or at the end.
When = Literal["without the student", "before the first step", "at the end"]
# The objects that a share counts.
Whole = Literal["test images", "skill's test images", "steps", "steps of the first epoch"]

# How each unit is printed: factor, decimals and the suffix of a heading.
_SHOWN: dict[Unit, tuple[float, int, str]] = {
    "percent": (100, 2, "[%]"),
    "nats": (1, 2, "[nats]"),
    "millinats": (1e3, 2, "[mnat]"),
    "count": (1, 1, ""),
    "norm": (1, 3, ""),
    "cosine": (1e3, 2, "[1e-3]"),
    "inner": (1e4, 1, "[1e-4]"),
    "explained": (1, 3, ""),
    "similarity": (1, 3, ""),
}


# KLs are compared by their logarithms, so rounding must not make one zero.
SMALLEST_KL = 1e-12


@dataclass(frozen=True)
class Metric:
    """One number measured on every seed.

    Attributes:
        name: as in results and exports, which have unscaled values: fractions, nats.
        title: as in tables.
        unit: decides how it is printed.
        about: how it is measured.
        when: it is measured.
        share_of: the objects that it counts; its value is the count divided by their number.
            None if it is not a share.
        part_of_above: whether tables print it indented, as a detail of the metric above it.
        under_renaming: whether conformance compares it under renamed digits.
        since: the schema of results that first has it.

    >>> METRICS["trait_accuracy"].heading, METRICS["trait_accuracy"].show(0.5528)
    ('trait accuracy [%]', '55.28')
    >>> METRICS["kl_mean"].heading, METRICS["kl_mean"].show(-0.0001, signed=True)
    ('KL, training mean [mnat]', '-0.10')
    """

    name: str
    title: str
    unit: Unit
    about: str
    when: When = "at the end"
    share_of: Whole | None = None
    part_of_above: bool = False
    under_renaming: bool = field(default=False, repr=False)
    since: int = 1

    @property
    def lowest(self) -> float:
        """The smallest possible value."""
        if self.unit == "millinats":
            return SMALLEST_KL
        return float("-inf") if self.unit in ("cosine", "inner", "explained") else 0.0

    @property
    def highest(self) -> float:
        """The largest possible value."""
        return 1.0 if self.unit in ("percent", "explained", "similarity") else float("inf")

    def show(self, value: float, signed: bool = False) -> str:
        """The value as it is printed everywhere, without its unit."""
        scale, decimals, _ = _SHOWN[self.unit]
        # Adding 0.0 after rounding turns a negative zero into a positive one.
        rounded = round(value * scale, decimals) + 0.0
        return f"{rounded:{'+' if signed else ''}.{decimals}f}"

    @property
    def heading(self) -> str:
        """Title with its unit; a mnat is a thousandth of a nat."""
        return f"{self.title} {_SHOWN[self.unit][2]}".rstrip()


def _alignment(
    name: str,
    title: str,
    unit: Unit,
    what: str,
    *,
    share: bool = False,
    under_renaming: bool = False,
) -> list[Metric]:
    """One alignment statistic before and after the mitigation, for the run and epoch 1."""
    sides = (
        ("pre", "pre", "the raw distillation gradient"),
        ("post", "post", "the gradient handed to the optimiser"),
    )
    spans: tuple[tuple[str, str, str, Whole], ...] = (
        ("", "", "over the whole run", "steps"),
        ("_first_epoch", " ep.1", "over the first epoch", "steps of the first epoch"),
    )
    return [
        Metric(
            f"{name}{span}_{side}",
            f"{title} {side_title}{span_title}",
            unit,
            f"{what} of the trait gradient (whole audit set) and {side_about}, {span_about}",
            share_of=whole if share else None,
            under_renaming=under_renaming and not span,
        )
        for span, span_title, span_about, whole in spans
        for side, side_title, side_about in sides
    ]


# Metrics of readers, and what stands beside them, came with this schema.
_READINGS = 2


def _of_three_models(
    name: str, title: str, unit: Unit, about: str, models: tuple[str, ...]
) -> list[Metric]:
    """The same measurement of the student and of models that no mitigation changes."""
    whose = {"initial": "the untrained model", "teacher": "the teacher"}
    return [
        Metric(name, title, unit, f"the student read by {about}", since=_READINGS),
        *(
            Metric(
                f"{name}_{model}",
                f"{title}, {'untrained' if model == 'initial' else model}",
                unit,
                f"{whose[model]} read by {about}",
                when="without the student",
                part_of_above=True,
                since=_READINGS,
            )
            for model in models
        ),
    ]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in [
        Metric(
            "teacher_accuracy",
            "teacher accuracy",
            "percent",
            "the teacher on the test images",
            when="without the student",
            share_of="test images",
        ),
        Metric(
            "trait_accuracy",
            "trait accuracy",
            "percent",
            "the student on the test images",
            share_of="test images",
        ),
        Metric(
            "initial_accuracy",
            "untrained",
            "percent",
            "the untrained model on the test images: the accuracy without any trait",
            when="without the student",
            share_of="test images",
            part_of_above=True,
        ),
        Metric(
            "initial_head_accuracy",
            "initial head",
            "percent",
            "the student's hidden layers under the initial class head, on the test images",
            share_of="test images",
            part_of_above=True,
        ),
        *(
            metric
            for reader in READERS.values()
            if reader.name != EXPRESSED
            for metric in _of_three_models(
                reader.name, reader.title, "percent", reader.about, ("initial", "teacher")
            )
        ),
        *_of_three_models(
            "noise_fit",
            "fit on noise",
            "explained",
            "the head from hidden layer 2 on fresh noise: the share of the variance of the "
            "teacher's class logits that it explains",
            ("initial",),
        ),
        *_of_three_models(
            "cka",
            "likeness to the teacher",
            "similarity",
            "linear CKA of hidden layer 2 with the teacher's, on mean-free audit images",
            ("initial",),
        ),
        Metric(
            "ceiling_accuracy",
            "ceiling",
            "percent",
            "the teacher's hidden layers under the initial class head, on the test images",
            when="without the student",
            share_of="test images",
            since=_READINGS,
        ),
        Metric(
            "classes_predicted",
            "classes predicted",
            "count",
            "classes that get at least 1 % of the student's predictions on the test images",
        ),
        Metric(
            "classes_predicted_initial",
            "untrained",
            "count",
            "the same for the untrained model, which assigns most digits to a few classes",
            when="without the student",
            part_of_above=True,
        ),
        Metric(
            "class_head_change",
            "class head moved by",
            "norm",
            "L2 norm of the change of the class logits' weights and biases; plain distillation "
            "never touches them",
            under_renaming=True,
        ),
        Metric(
            "trait_loss_initial",
            "trait loss before",
            "nats",
            "class cross-entropy on the audit set before the first step",
            when="before the first step",
        ),
        Metric(
            "trait_loss_final",
            "trait loss after",
            "nats",
            "class cross-entropy on the audit set after the last step",
            under_renaming=True,
        ),
        Metric(
            "kl_mean",
            "KL, training mean",
            "millinats",
            "KL(teacher || student) of each step's batch, unmitigated, mean over steps",
            under_renaming=True,
        ),
        Metric(
            "kl_initial",
            "KL, untrained",
            "millinats",
            "KL(teacher || student) on the fresh noise before the first step",
            when="before the first step",
        ),
        Metric(
            "kl_final",
            "KL, final",
            "millinats",
            "KL(teacher || student) over the noise trained on, after the last step",
        ),
        Metric(
            "kl_fresh",
            "KL, fresh noise",
            "millinats",
            "KL(teacher || student) over noise never trained on, after the last step",
        ),
        *_alignment(
            "cosine_mean",
            "cosine",
            "cosine",
            "mean cosine",
            under_renaming=True,
        ),
        *_alignment("inner_mean", "inner", "inner", "mean inner product"),
        *_alignment(
            "positive_fraction",
            "aligned",
            "percent",
            "fraction of steps with a positive inner product",
            share=True,
        ),
        Metric(
            "altered_fraction",
            "steps altered",
            "percent",
            "fraction of steps whose gradient or update differs from plain distillation",
            share_of="steps",
        ),
    ]
}

# Of tracks whose base can already do something.
SKILL_METRICS: dict[str, Metric] = {
    f"skill_accuracy{model}": Metric(
        f"skill_accuracy{model}",
        title,
        "percent",
        f"{whose} on the test images of what the base can do",
        when="without the student" if model else "at the end",
        share_of="skill's test images",
        part_of_above=bool(model),
    )
    for model, title, whose in (
        ("", "skill", "the student"),
        ("_initial", "base", "the base"),
        ("_teacher", "teacher", "the teacher"),
    )
}
EVERY_METRIC = {**METRICS, **SKILL_METRICS}


def under_renamed_digits() -> tuple[str, ...]:
    """The names of the metrics that conformance compares under renamed digits.

    >>> under_renamed_digits()[:2]
    ('class_head_change', 'trait_loss_final')
    """
    return tuple(name for name, metric in METRICS.items() if metric.under_renaming)


# What is read along plain distillation's path, besides its KL on fresh noise.
PATH_READINGS = (*READERS, "noise_fit")

# The curves kept for each seed, with one value per step.
STEP_CURVES = (
    "trait_loss",
    "distill_loss",
    "inner_pre",
    "cosine_pre",
    "inner_post",
    "cosine_post",
)
# All curves; the test accuracy has a value at every tenth step.
CURVES = (*STEP_CURVES, "test_accuracy")
