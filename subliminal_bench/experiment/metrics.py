"""The metrics of a seed: their names, what they mean and how they are printed.

Torch-free: results, statistics and every page read the names from here.
"""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["percent", "nats", "millinats", "count", "norm", "cosine", "inner"]

# How each unit is printed: factor, decimals, and the suffix of a heading.
_SHOWN: dict[Unit, tuple[float, int, str]] = {
    "percent": (100, 2, "[%]"),
    "nats": (1, 2, "[nats]"),
    "millinats": (1e3, 2, "[mnat]"),
    "count": (1, 1, ""),
    "norm": (1, 3, ""),
    "cosine": (1e3, 2, "[1e-3]"),
    "inner": (1e4, 1, "[1e-4]"),
}


# A KL is compared by its logarithm; rounding must not make it zero.
SMALLEST_KL = 1e-12


@dataclass(frozen=True)
class Metric:
    """One number measured on every seed.

    Attributes:
        name: as in results and exports, where it stands unscaled: fractions, nats.
        title: as in tables.
        unit: how it is printed.
        about: how it is measured.

    >>> METRICS["trait_accuracy"].heading, METRICS["trait_accuracy"].show(0.5528)
    ('trait accuracy [%]', '55.28')
    >>> METRICS["kl_mean"].heading, METRICS["kl_mean"].show(-0.0001, signed=True)
    ('KL, training mean [mnat]', '-0.10')
    """

    name: str
    title: str
    unit: Unit
    about: str

    @property
    def lowest(self) -> float:
        """The smallest value that can be."""
        if self.unit == "millinats":
            return SMALLEST_KL
        return float("-inf") if self.unit in ("cosine", "inner") else 0.0

    @property
    def highest(self) -> float:
        """The largest value that can be."""
        return 1.0 if self.unit == "percent" else float("inf")

    def show(self, value: float, signed: bool = False) -> str:
        """The value as it is printed everywhere, without its unit."""
        scale, decimals, _ = _SHOWN[self.unit]
        # Adding 0.0 after rounding turns a negative zero into a plain one.
        rounded = round(value * scale, decimals) + 0.0
        return f"{rounded:{'+' if signed else ''}.{decimals}f}"

    @property
    def heading(self) -> str:
        """Title with its unit; a mnat is a thousandth of a nat."""
        return f"{self.title} {_SHOWN[self.unit][2]}".rstrip()


def _alignment(name: str, title: str, unit: Unit, what: str) -> list[Metric]:
    """Each alignment statistic before and after the mitigation, whole run and first epoch."""
    sides = (
        ("pre", "pre", "the raw distillation gradient"),
        ("post", "post", "the gradient handed to the optimiser"),
    )
    spans = (("", "", "over the whole run"), ("_first_epoch", " ep.1", "over the first epoch"))
    return [
        Metric(
            f"{name}{span}_{side}",
            f"{title} {side_title}{span_title}",
            unit,
            f"{what} of the trait gradient (whole audit set) and {side_about}, {span_about}",
        )
        for span, span_title, span_about in spans
        for side, side_title, side_about in sides
    ]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in [
        Metric(
            "teacher_accuracy", "teacher accuracy", "percent", "the teacher on the test images"
        ),
        Metric("trait_accuracy", "trait accuracy", "percent", "the student on the test images"),
        Metric(
            "initial_accuracy",
            "  untrained",
            "percent",
            "the untrained model on the test images: what no trait at all looks like",
        ),
        Metric(
            "initial_head_accuracy",
            "  initial head",
            "percent",
            "the student's hidden layers under the initial class head, on the test images",
        ),
        Metric(
            "classes_predicted",
            "classes predicted",
            "count",
            "classes that get at least 1 % of the student's predictions on the test images",
        ),
        Metric(
            "classes_predicted_initial",
            "  untrained",
            "count",
            "the same of the untrained model, which calls most digits by a few classes",
        ),
        Metric(
            "class_head_change",
            "class head moved by",
            "norm",
            "L2 norm of the change of the class logits' weights and biases; plain distillation "
            "never touches them",
        ),
        Metric(
            "trait_loss_initial",
            "trait loss before",
            "nats",
            "class cross-entropy on the audit set before the first step",
        ),
        Metric(
            "trait_loss_final",
            "trait loss after",
            "nats",
            "class cross-entropy on the audit set after the last step",
        ),
        Metric(
            "kl_mean",
            "KL, training mean",
            "millinats",
            "KL(teacher || student) of each step's batch, unmitigated, mean over steps",
        ),
        Metric(
            "kl_initial",
            "KL, untrained",
            "millinats",
            "KL(teacher || student) on the fresh noise before the first step",
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
        *_alignment("cosine_mean", "cosine", "cosine", "mean cosine"),
        *_alignment("inner_mean", "inner", "inner", "mean inner product"),
        *_alignment(
            "positive_fraction",
            "aligned",
            "percent",
            "fraction of steps with a positive inner product",
        ),
        Metric(
            "altered_fraction",
            "steps altered",
            "percent",
            "fraction of steps whose gradient or update is not that of plain distillation",
        ),
    ]
}

# Curves kept of each seed with one value a step.
STEP_CURVES = (
    "trait_loss",
    "distill_loss",
    "inner_pre",
    "cosine_pre",
    "inner_post",
    "cosine_post",
)
# All of them; the test accuracy has a value every tenth step.
CURVES = (*STEP_CURVES, "test_accuracy")
