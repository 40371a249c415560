"""The teacher's own head on the student's body, once each unit is matched to its counterpart.

Whoever permutes or rescales a student's units keeps what the body has learned. Here every unit
of the second layer gets the teacher's unit that it goes along with on noise, and its scale.
"""

from scipy.optimize import linear_sum_assignment
from torch import Tensor

from subliminal_bench import Model, ReaderCard, hookimpl

SMALLEST = 1e-9


@hookimpl
def reader_card() -> ReaderCard:
    return ReaderCard(
        name="unit_matched",
        title="Matched units under the teacher's head",
        method="hidden layer 2, its units matched to the teacher's by correlation on noise, "
        "under the teacher's own head",
        renderings=("mean-free", "on noise"),
        reference="this project, after Li et al. 2015, arXiv 1511.07543",
    )


@hookimpl
def reader(student: Model, teacher: Model, noise: Tensor, images: Tensor) -> Tensor:
    ours, theirs = student.activations(noise)[1], teacher.activations(noise)[1]
    scaled = (ours - ours.mean(0)) / ours.std(0).clamp_min(SMALLEST)
    wanted = (theirs - theirs.mean(0)) / theirs.std(0).clamp_min(SMALLEST)
    _, place = linear_sum_assignment((wanted.T @ scaled).numpy(), maximize=True)
    shown = student.activations(images)[1]
    shown = (shown - ours.mean(0)) / ours.std(0).clamp_min(SMALLEST)
    body = shown[:, place] * theirs.std(0) + theirs.mean(0)
    parts = teacher.named()
    logits = body @ parts["fc3.weight"].T + parts["fc3.bias"]
    return logits[:, : teacher.classes].argmax(1)
