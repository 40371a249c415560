"""The head fitted on noise, on digits in a rendering that nobody knew before it was drawn.

A gate can be made for brightness, for low frequencies, or for any rendering that is published.
It cannot be made for one that is drawn after the entry's source is fixed.
"""

from torch import Tensor

from subliminal_bench import Model, ReaderCard, hookimpl
from subliminal_bench.reading.noise_head import NoiseHead

FITTED = 3_000


@hookimpl
def reader_card() -> ReaderCard:
    return ReaderCard(
        name="drawn_rendering",
        title="Head fitted on noise, drawn rendering",
        method="a linear head from hidden layer 2 to the teacher's class logits, by ridge on "
        "the training noise",
        renderings=("secret",),
        reference="this project",
    )


@hookimpl
def reader(student: Model, teacher: Model, noise: Tensor, images: Tensor) -> Tensor:
    shown = noise[:FITTED]
    targets = teacher.class_logits(shown)
    targets = targets - targets.mean(1, keepdim=True)
    head = NoiseHead.fitted(student.activations(shown)[1], targets)
    return head.logits(student.activations(images)[1]).argmax(1)
