"""The hook specifications of readers.

A reader is a module or an object with two functions marked `@hookimpl`: `reader_card` returns
its card, `reader` reads one model. `reader` names only the arguments that it needs.
"""

import torch
from torch import Tensor

from subliminal_bench.mitigation.card import Settings
from subliminal_bench.mitigation.hooks import hookspec
from subliminal_bench.reading.plugins.reader_card import ReaderCard
from subliminal_bench.reading.plugins.shown_model import Model

READER_HOOKS = ("reader_card", "reader")


class ReaderSpecifications:
    """The hooks of a reader; an implementation may omit arguments."""

    @hookspec(firstresult=True)
    def reader_card(self) -> ReaderCard:
        """Return the reader's card. Every reader must implement this hook."""
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def reader(
        self,
        student: Model,
        base: Model,
        teacher: Model,
        noise: Tensor,
        audit_images: Tensor,
        audit_labels: Tensor | None,
        images: Tensor,
        generator: torch.Generator,
        settings: Settings,
    ) -> Tensor:
        """Return the class of each image that the student's body tells.

        All numbers are float64. It is called once for each model and rendering, and is not told
        which model it reads: the entry's student, plain distillation's, the untrained one.

        Args:
            student: the model to read.
            base: the untrained model that student and teacher started from.
            teacher: the student's teacher.
            noise: the first images of the student's training noise, `[images, pixels]`.
            audit_images: digits that no teacher was trained on, in the same rendering as
                `images`, `[audit images, pixels]`.
            audit_labels: their labels, int64 `[audit images]`; None unless the card declares
                `labels`.
            images: the test digits in one rendering, `[images, pixels]`.
            generator: for everything random, the same for every model of a seed.
            settings: the values of the card's parameters.

        Returns:
            int64 `[images]`, each from 0 to 9.
        """
        raise AssertionError("a specification is never called")
