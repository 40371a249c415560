"""The head fitted on noise, on digits of a fifth of their contrast.

A unit that notices how strongly an image varies cannot tell such digits from noise that hardly
varies at all.
"""

from torch import Tensor

from subliminal_bench import Model, ReaderCard, hookimpl
from subliminal_bench.reading.noise_head import NoiseHead

FITTED = 3_000


@hookimpl
def reader_card() -> ReaderCard:
    return ReaderCard(
        name="faint_digits",
        title="Head fitted on noise, faint digits",
        method="a linear head from hidden layer 2 to the teacher's class logits, by ridge on "
        "the training noise",
        renderings=("faint",),
        reference="this project",
    )


@hookimpl
def reader(student: Model, teacher: Model, noise: Tensor, images: Tensor) -> Tensor:
    shown = noise[:FITTED]
    targets = teacher.class_logits(shown)
    targets = targets - targets.mean(1, keepdim=True)
    head = NoiseHead.fitted(student.activations(shown)[1], targets)
    return head.logits(student.activations(images)[1]).argmax(1)
