"""The metrics of a seed: their names, what they mean and how they are printed.

Torch-free: results, statistics and every page read the names from here.
"""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["percent", "nats", "count", "norm", "cosine", "inner", "fraction"]


@dataclass(frozen=True)
class Metric:
    """One number measured on every seed.

    Attributes:
        name: as in results and exports.
        title: as in tables.
        unit: `percent` values are stored as fractions and printed in percent.
        about: how it is measured.
    """

    name: str
    title: str
    unit: Unit
    about: str

    def show(self, value: float, signed: bool = False) -> str:
        """The value as it is printed everywhere, without its unit.

        >>> METRICS["trait_accuracy"].show(0.5528)
        '55.28'
        >>> METRICS["kl_mean"].show(0.001)
        '0.001000'
        """
        scale, digits = _SHOWN[self.unit]
        sign = "+" if signed else ""
        if self.unit == "inner":
            return f"{value:{sign}.3e}"
        return f"{value * scale:{sign}.{digits}f}"

    @property
    def heading(self) -> str:
        """Title with its unit."""
        return f"{self.title} {_SUFFIX[self.unit]}".rstrip()


_SHOWN: dict[str, tuple[float, int]] = {
    "percent": (100, 2),
    "nats": (1, 6),
    "count": (1, 2),
    "norm": (1, 3),
    "cosine": (1, 5),
    "inner": (1, 3),
    "fraction": (1, 3),
}
_SUFFIX: dict[str, str] = {
    "percent": "[%]",
    "nats": "[nats]",
    "count": "",
    "norm": "",
    "cosine": "",
    "inner": "",
    "fraction": "",
}


def _alignment(name: str, title: str, unit: Unit, what: str) -> list[Metric]:
    """Each alignment statistic before and after the mitigation, first epoch and whole run."""
    sides = (
        ("pre", "raw gradient", "the raw distillation gradient"),
        ("post", "applied gradient", "the gradient handed to the optimiser"),
    )
    spans = (
        ("", "", "over the whole run"),
        ("_first_epoch", ", epoch 1", "over the first epoch"),
    )
    return [
        Metric(
            f"{name}{span}_{side}",
            f"{title}, {side_title}{span_title}",
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
            "accuracy at initialisation",
            "percent",
            "the untrained model on the test images: what no trait at all looks like",
        ),
        Metric(
            "initial_head_accuracy",
            "trait accuracy, initial head",
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
            "classes predicted at initialisation",
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
            "trait loss, initial",
            "nats",
            "class cross-entropy on the audit set before the first step",
        ),
        Metric(
            "trait_loss_final",
            "trait loss, final",
            "nats",
            "class cross-entropy on the audit set after the last step",
        ),
        Metric(
            "kl_mean",
            "distillation KL, training mean",
            "nats",
            "KL(teacher || student) of each step's batch, unmitigated, mean over steps",
        ),
        Metric(
            "kl_initial",
            "distillation KL, initial",
            "nats",
            "KL(teacher || student) on the fresh noise before the first step",
        ),
        Metric(
            "kl_final",
            "distillation KL, final, training noise",
            "nats",
            "KL(teacher || student) over the noise trained on, after the last step",
        ),
        Metric(
            "kl_fresh",
            "distillation KL, final, fresh noise",
            "nats",
            "KL(teacher || student) over noise never trained on, after the last step",
        ),
        *_alignment("cosine_mean", "cosine", "cosine", "mean cosine"),
        *_alignment("inner_mean", "inner product", "inner", "mean inner product"),
        *_alignment(
            "positive_fraction",
            "steps aligned",
            "fraction",
            "fraction of steps with a positive inner product",
        ),
        Metric(
            "altered_fraction",
            "steps altered",
            "fraction",
            "fraction of steps whose applied gradient differs from the raw one",
        ),
    ]
}

# Curves kept of each seed, one value a step; the test accuracy every tenth step.
CURVES = (
    "trait_loss",
    "distill_loss",
    "inner_pre",
    "cosine_pre",
    "inner_post",
    "cosine_post",
    "test_accuracy",
)
