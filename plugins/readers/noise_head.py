"""The built-in reader N as a plugin: a linear head fitted to the teacher on noise.

It gives the built-in reader's accuracies to the last image, which a test holds it to.
"""

from torch import Tensor

from subliminal_bench import Model, ReaderCard, hookimpl
from subliminal_bench.reading.noise_head import NoiseHead

FITTED = 3_000


@hookimpl
def reader_card() -> ReaderCard:
    return ReaderCard(
        name="noise_head",
        title="Head fitted on noise",
        method="a linear head from hidden layer 2 to the teacher's class logits, by ridge on "
        "the training noise",
        reference="this project's built-in reader N",
    )


@hookimpl
def reader(student: Model, teacher: Model, noise: Tensor, images: Tensor) -> Tensor:
    shown = noise[:FITTED]
    targets = teacher.class_logits(shown)
    targets = targets - targets.mean(1, keepdim=True)
    head = NoiseHead.fitted(student.activations(shown)[1], targets)
    return head.logits(student.activations(images)[1]).argmax(1)
