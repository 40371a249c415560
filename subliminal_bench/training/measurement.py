"""The measurements that every entry gets, after training and from its curves."""

from collections.abc import Mapping

import torch
from torch import Tensor

from subliminal_bench.experiment.metrics import EVERY_METRIC, METRICS, SMALLEST_KL, STEP_CURVES
from subliminal_bench.experiment.objective import distillation_kl
from subliminal_bench.reading.readings import read
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.weight_change import Course, weight_changes

# A class counts as predicted if it has at least this share of the predictions.
PREDICTED_SHARE = 0.01


def accuracy(cohort: Cohort, parameters: Tensor) -> Tensor:
    """Share of the trait's test images that are called right, float64 `[students]`."""
    return share_right(cohort, predictions(cohort, parameters))


def skill_accuracy(cohort: Cohort, parameters: Tensor) -> Tensor:
    """Share of the skill's test images that are called right, float64 `[students]`.

    Raises:
        ValueError: the protocol has no capable base.
    """
    task, tested = cohort.protocol.skill, cohort.skill_test
    if task is None or tested is None:
        raise ValueError(f"{cohort.protocol.name} has no skill")
    images, labels = tested
    said = cohort.logits(parameters, images)[..., task.logits].argmax(-1)
    return (said == labels).double().mean(1)


def share_right(cohort: Cohort, predicted: Tensor) -> Tensor:
    """Share of predictions `[students, images]` that are correct, float64 `[students]`."""
    return (predicted == cohort.test_labels).double().mean(1)


def predictions(cohort: Cohort, parameters: Tensor) -> Tensor:
    """What each test image of the trait is called, int64 `[students, images]`.

    Places among the trait's logits.
    """
    logits = cohort.logits(parameters, cohort.test_images)
    return logits[..., cohort.protocol.trait_task.logits].argmax(-1)


def under_initial_head(cohort: Cohort, parameters: Tensor) -> Tensor:
    """The parameters with the last layer replaced by the base model's."""
    swapped = parameters.clone()
    ours, base = cohort.layout.named(swapped), cohort.layout.named(cohort.base_parameters)
    for name in cohort.layout.head:
        ours[name].copy_(base[name])
    return swapped


def class_head_change(cohort: Cohort, parameters: Tensor) -> Tensor:
    """L2 norm of the change of the class logits' weights and biases, `[students]`."""
    moved = cohort.layout.named(parameters - cohort.base_parameters)
    classes = cohort.protocol.classes
    weights, biases = (moved[name][:, :classes] for name in cohort.layout.head)
    norms: Tensor = torch.linalg.vector_norm(torch.cat([weights.flatten(1), biases], 1), dim=1)
    return norms


def classes_predicted(cohort: Cohort, predicted: Tensor) -> Tensor:
    """Classes with at least `PREDICTED_SHARE` of the predictions, `[students]`."""
    classes = torch.arange(cohort.protocol.classes, device=predicted.device)
    shares = (predicted.unsqueeze(-1) == classes).double().mean(1)
    return (shares >= PREDICTED_SHARE).sum(1)


def kl_on_noise(cohort: Cohort, parameters: Tensor, fresh: bool) -> Tensor:
    """KL(teacher || student) over the training noise or the fresh noise, `[students]`."""
    noise = cohort.fresh_noise if fresh else cohort.noise
    targets = cohort.fresh_auxiliary_logits if fresh else cohort.auxiliary_logits
    return distillation_kl(cohort.protocol, cohort.logits(parameters, noise), targets)


def readings(cohort: Cohort, parameters: Tensor) -> dict[str, Tensor]:
    """What readers find in students, untrained models and teachers, `[students]` each.

    With the ceiling, these are all metrics that came with readers. They need nothing but the
    weights, so seeds whose weights were kept can get them later.

    Args:
        cohort: the students'.
        parameters: after the last step, `[students, parameters]`.
    """
    rows = [
        read(cohort.evidence(row), student) | fixed
        for row, (student, fixed) in enumerate(
            zip(parameters, cohort.readings_of_untrained, strict=True)
        )
    ]
    found = {
        name: torch.stack([row[name] for row in rows]) for name in rows[0] if name in METRICS
    }
    teachers = under_initial_head(cohort, cohort.teacher_parameters)
    return found | {"ceiling_accuracy": accuracy(cohort, teachers)}


def kept_metrics(
    values: Mapping[str, float], diverged_at: int | None
) -> dict[str, float | None]:
    """A seed's metrics as results have them: without those of a student that diverged."""
    return {
        name: None
        if diverged_at is not None and EVERY_METRIC[name].when == "at the end"
        else value
        for name, value in values.items()
    }


def measured_outcomes(
    cohort: Cohort,
    course: Course,
    curves: dict[str, Tensor],
    altered: Tensor,
) -> list[Outcome]:
    """Every seed's metrics.

    Args:
        cohort: the students' cohort.
        course: the students before the first step and after the last.
        curves: `[students, steps]` each; nan at steps at which it is not measured.
        altered: bool `[students, steps]`: the applied gradient differs from the raw one.
    """
    protocol, parameters = cohort.protocol, course.ended
    every = protocol.measure_every
    final_loss, _ = cohort.trait_gradient(parameters)
    predicted, untrained = (
        predictions(cohort, one) for one in (parameters, cohort.base_parameters)
    )
    columns: dict[str, Tensor] = {
        "teacher_accuracy": accuracy(cohort, cohort.teacher_parameters),
        "trait_accuracy": share_right(cohort, predicted),
        "initial_accuracy": share_right(cohort, untrained),
        "initial_head_accuracy": accuracy(cohort, under_initial_head(cohort, parameters)),
        "classes_predicted": classes_predicted(cohort, predicted),
        "classes_predicted_initial": classes_predicted(cohort, untrained),
        "class_head_change": class_head_change(cohort, parameters),
        "trait_loss_initial": curves["trait_loss"][:, 0],
        "trait_loss_final": final_loss,
        "kl_mean": curves["distill_loss"].double().mean(1),
        "kl_initial": kl_on_noise(cohort, course.began, fresh=True),
        "kl_final": kl_on_noise(cohort, parameters, fresh=False),
        "kl_fresh": kl_on_noise(cohort, parameters, fresh=True),
        "altered_fraction": altered.double().mean(1),
    }
    columns |= readings(cohort, parameters)
    if protocol.has_capable_base:
        columns |= {
            "skill_accuracy": skill_accuracy(cohort, parameters),
            "skill_accuracy_initial": skill_accuracy(cohort, cohort.base_parameters),
            "skill_accuracy_teacher": skill_accuracy(cohort, cohort.teacher_parameters),
        }
    for side in ("pre", "post"):
        for span, steps in (("", None), ("_first_epoch", protocol.student_steps_per_epoch)):
            cosine, inner = (
                curves[f"{kind}_{side}"][:, :steps][:, ::every].double()
                for kind in ("cosine", "inner")
            )
            columns[f"cosine_mean{span}_{side}"] = cosine.mean(1)
            columns[f"inner_mean{span}_{side}"] = inner.mean(1)
            columns[f"positive_fraction{span}_{side}"] = (inner > 0).double().mean(1)
    # A student can also diverge in its very last update, after its last measured loss.
    finite = torch.isfinite(curves["distill_loss"])
    sums = torch.stack([curves[name][:, ::every] for name in STEP_CURVES]).sum(0)
    finite[:, ::every] &= torch.isfinite(sums)
    sound = torch.cat([finite, torch.isfinite(final_loss)[:, None]], 1).cpu()
    # Read at once, because each read waits for the device.
    rows = torch.stack(
        [
            (column.clamp_min(SMALLEST_KL) if name.startswith("kl_") else column).double()
            for name, column in columns.items()
        ]
    ).tolist()
    table = dict(zip(columns, rows, strict=True))
    kept = {name: curve.cpu() for name, curve in curves.items()}
    ended = parameters.cpu()
    changes = weight_changes(cohort.layout, protocol.classes, course)
    found = []
    for row, seed in enumerate(cohort.seeds):
        diverged_at = None if sound[row].all() else int((~sound[row]).nonzero()[0])
        values = {name: float(column[row]) for name, column in table.items()}
        found.append(
            Outcome(
                seed,
                kept_metrics(values, diverged_at),
                {name: curve[row] for name, curve in kept.items()},
                ended[row],
                diverged_at,
                changes[row] if diverged_at is None else None,
            )
        )
    return found
