"""The readers of a trait: each is an accuracy that tells how much of the trait a model has.

A student's own class head is one reader. Whatever else its body has learned about digits, other
readers find without that head (`docs/verdict.md`). This module has the facts about them;
the room `reading` computes them, and `docs/protocol.md` says exactly how. It does not import
torch, because results, statistics and all pages use it.
"""

from dataclasses import dataclass
from typing import Literal

Rendering = Literal["raw", "mean-free", "on noise", "high-pass"]
Method = Literal["own head", "head fitted on noise", "few-shot"]


@dataclass(frozen=True)
class Reader:
    """One way to read a trait from a model, given the test digits.

    Attributes:
        name: of its metric for the student; those for the untrained model and the teacher end
            in `_initial` and `_teacher`.
        title: as in tables.
        method: of reading.
        layer: the hidden layer that it reads, 1 or 2; 3 for the model's own head.
        rendering: of the test digits that it is shown.
    """

    name: str
    title: str
    method: Method
    layer: int
    rendering: Rendering

    @property
    def expressed(self) -> bool:
        """Whether it reads what the student itself says, not what its body has learned."""
        return self.method == "own head"

    @property
    def few_shot(self) -> bool:
        """Whether it is given labels: features may then improve without a teacher."""
        return self.method == "few-shot"

    @property
    def about(self) -> str:
        """How it reads, as a phrase."""
        digits = {
            "raw": "the test images",
            "mean-free": "the test images, each minus its mean pixel",
            "on noise": "half of each mean-free test image plus noise",
            "high-pass": "the test images without their lowest spatial frequencies",
        }[self.rendering]
        how = {
            "own head": "its own class head",
            "head fitted on noise": "a linear head that is fitted to the teacher's class "
            f"logits on noise, from hidden layer {self.layer}",
            "few-shot": "a linear head that is fitted to 10 audit images of each class, from "
            f"hidden layer {self.layer}",
        }[self.method]
        return f"{how}, on {digits}"


# The primary reader of the body.
LATENT = "latent_accuracy"
# The student's own class head on the digits as they are.
EXPRESSED = "trait_accuracy"


def of_untrained(reading: str) -> str:
    """The metric that has the same reading of the untrained model.

    >>> of_untrained(EXPRESSED), of_untrained(LATENT)
    ('initial_accuracy', 'latent_accuracy_initial')
    """
    return "initial_accuracy" if reading == EXPRESSED else f"{reading}_initial"


READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in [
        Reader(EXPRESSED, "trait accuracy", "own head", 3, "raw"),
        Reader("expressed_meanfree", "expressed, mean-free", "own head", 3, "mean-free"),
        Reader(LATENT, "latent trait", "head fitted on noise", 2, "mean-free"),
        Reader("latent_on_noise", "latent, on noise", "head fitted on noise", 2, "on noise"),
        Reader("latent_high_pass", "latent, high-pass", "head fitted on noise", 2, "high-pass"),
        Reader(
            "latent_layer1_on_noise",
            "latent, layer 1, on noise",
            "head fitted on noise",
            1,
            "on noise",
        ),
        Reader(
            "latent_layer1_high_pass",
            "latent, layer 1, high-pass",
            "head fitted on noise",
            1,
            "high-pass",
        ),
        Reader("few_shot_layer1", "few-shot, layer 1", "few-shot", 1, "mean-free"),
        Reader("few_shot_layer2", "few-shot, layer 2", "few-shot", 2, "mean-free"),
    ]
}
