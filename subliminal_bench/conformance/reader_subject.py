"""The reader that is checked, and the small models that it reads.

No student is needed: the teacher is the model that has learned everything, and a decoy the one
that has learned nothing and still does not look untrained.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property

import torch
from torch import Tensor

from subliminal_bench.conformance.surroundings import Harness, global_state
from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.reading.plugins.decoy import decoy
from subliminal_bench.reading.plugins.reader import Reader, load_reader
from subliminal_bench.reading.plugins.shown import Shown, every
from subliminal_bench.reading.plugins.shown_model import Model
from subliminal_bench.reading.secret_rendering import secret_rendering
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.teacher import train_teachers

# The embedded digits and a narrow model, whose teacher learns them in a second.
READ = replace(
    MNIST_5K,
    name="read",
    about="for checks of readers",
    noise_images=3_000,
    fresh_noise_images=100,
    student_epochs=1,
    teacher_epochs=12,
    hidden=64,
    batch=256,
    learning_rate=1e-3,
)
_SEED = 1
_CPU = torch.device("cpu")


class ReaderSubject:
    """A reader that is checked; what several checks need is read only once.

    Args:
        spec: the reader, as a user names it.
        settings: `name=value` each.
    """

    def __init__(self, spec: str, settings: Sequence[str] = ()) -> None:
        # Recorded before the reader is loaded, because its file could replace functions.
        _cohort()
        self.harness = Harness()
        self.surroundings = global_state()
        self._spec, self._settings = spec, tuple(settings)

    @cached_property
    def reader(self) -> Reader:
        """The reader, loaded once.

        Raises:
            MitigationError: it cannot be loaded.
        """
        return self.loaded_again()

    def loaded_again(self) -> Reader:
        """The reader, loaded once more."""
        return load_reader(self._spec, self._settings)

    @cached_property
    def shown(self) -> Shown:
        """What the reader is shown."""
        cohort = _cohort()
        return Shown.of(
            READ,
            _SEED,
            (cohort.base_parameters[0], cohort.teacher_parameters[0]),
            cohort.noise[0],
            cohort.test_images[0],
            (cohort.audit_images[0], cohort.audit_labels[0]),
            self.reader.card.renderings,
            secret_rendering(torch.Generator().manual_seed(_SEED)),
        )

    @cached_property
    def models(self) -> dict[str, Tensor]:
        """The parameters of the models to read, `[parameters]`, by name."""
        generator = torch.Generator().manual_seed(_SEED)
        shown = self.shown
        return {
            "untrained": shown.base,
            "teacher": shown.teacher,
            "decoy": decoy(shown, shown.teacher, generator),
            "permuted": _permuted(shown, generator),
            "rescaled": _rescaled(shown, generator),
        }

    def predictions(self, reader: Reader, *names: str) -> dict[str, list[Tensor]]:
        """The classes of each test image, by model, one tensor per rendering.

        Raises:
            HookError: the reader failed, or returned something unusable.
        """
        with reader.begin(self.shown) as calls:
            return {
                name: [
                    calls.predictions(self.models[name], one) for one in reader.card.renderings
                ]
                for name in names
            }

    @cached_property
    def accuracies(self) -> dict[str, float]:
        """The reader's accuracy on each model.

        Raises:
            HookError: as `predictions`.
        """
        labels = _cohort().test_labels[0]
        labels = labels[:: every(len(labels))]
        found = self.predictions(self.reader, *self.models)
        return {
            name: torch.stack([(one == labels).double().mean() for one in each]).mean().item()
            for name, each in found.items()
        }


@cache
def _cohort() -> Cohort:
    digits = load_digits(READ)
    teachers = train_teachers(READ, (_SEED,), digits, _CPU)
    return Cohort(READ, (_SEED,), _CPU, digits, teachers)


def _permuted(shown: Shown, generator: torch.Generator) -> Tensor:
    """The teacher with the units of each hidden layer in another order."""
    found, parts = _copied(shown)
    for into, out in (("fc1", "fc2"), ("fc2", "fc3")):
        order = torch.randperm(len(parts[f"{into}.bias"]), generator=generator)
        for name in (f"{into}.weight", f"{into}.bias"):
            parts[name].copy_(parts[name][order])
        parts[f"{out}.weight"].copy_(parts[f"{out}.weight"][:, order])
    return found


def _rescaled(shown: Shown, generator: torch.Generator) -> Tensor:
    """The teacher with units of another scale, which the next layer undoes."""
    found, parts = _copied(shown)
    for into, out in (("fc1", "fc2"), ("fc2", "fc3")):
        bias = parts[f"{into}.bias"]
        scale = torch.rand(len(bias), generator=generator).to(bias) * 4 + 0.25
        parts[f"{into}.weight"].mul_(scale[:, None])
        bias.mul_(scale)
        parts[f"{out}.weight"].div_(scale)
    return found


def _copied(shown: Shown) -> tuple[Tensor, dict[str, Tensor]]:
    """A copy of the teacher's parameters, and views of it by name."""
    copy = shown.teacher.clone()
    return copy, Model(copy, shown.layout, shown.classes).named()
