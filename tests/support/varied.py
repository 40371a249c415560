"""Small tracks: each changes one thing about the experiment that the tests run."""

from dataclasses import replace

from subliminal_bench.experiment.protocol import Protocol, Task, Trigger
from subliminal_bench.experiment.tracks import FASHION
from tests.conftest import TINY

TEN = tuple(range(10))
PATCH = Trigger(called=7, first=2, side=5)

SKILL = replace(
    TINY,
    name="tiny-skill",
    about="a small base that knows the digits 0-4",
    base_epochs=4,
    skill=Task((0, 1, 2, 3, 4), 1_500, 0, 400),
    trait=Task((5, 6, 7, 8, 9), 1_200, 200, 400),
)
BACKDOOR = replace(
    TINY,
    name="tiny-backdoor",
    about="a small base that knows all digits, and a white patch",
    base_epochs=3,
    skill=Task(TEN, 2_000, 0, 1_000),
    trait=Task(TEN, 2_000, 300, 800, PATCH),
)


def _precise(protocol: Protocol) -> Protocol:
    return replace(protocol, precision="float64", teacher_epochs=1, student_epochs=2)


_PLAIN = _precise(TINY)
# In float64: nothing but rounding may tell two implementations apart.
VARIED: dict[str, Protocol] = {
    "as it was": _PLAIN,
    "skill": _precise(SKILL),
    "backdoor": _precise(BACKDOOR),
    "backdoor in permuted pixels": replace(_precise(BACKDOOR), pixel_order=3),
    "permuted pixels": replace(_PLAIN, pixel_order=3),
    "squared error": replace(_PLAIN, distillation_loss="squared error"),
    "SGD": replace(
        _PLAIN, student_optimiser="sgd", student_learning_rate=0.1, student_momentum=0.9
    ),
    "another rate": replace(_PLAIN, student_learning_rate=1e-3),
    "ten auxiliary logits": replace(_PLAIN, auxiliary=10),
    "narrow": replace(_PLAIN, hidden=7),
    "one layer": replace(_PLAIN, hidden_layers=1),
    "three layers": replace(_PLAIN, hidden_layers=3),
    "moved start": replace(_PLAIN, start_noise=0.05),
    "Gaussian noise": replace(_PLAIN, noise="gaussian"),
    "blurred noise": replace(_PLAIN, noise="blurred"),
    "skill of one layer by squared error": replace(
        _precise(SKILL), hidden_layers=1, distillation_loss="squared error", start_noise=0.01
    ),
}

# As short as it gets, for what is about running and not about what comes out.
_SHORT = replace(
    TINY, teacher_epochs=1, student_epochs=1, noise_images=300, fresh_noise_images=100
)
SHORT_TRACKS: dict[str, Protocol] = {
    one.name: one
    for one in (
        replace(_SHORT, name="short", about="few steps"),
        replace(_SHORT, name="short-narrow", about="few steps, few units", hidden=8),
        replace(
            _SHORT,
            name="short-skill",
            about="few steps from a base",
            base_epochs=1,
            skill=SKILL.skill,
            trait=SKILL.trait,
        ),
        replace(
            _SHORT,
            name="short-backdoor",
            about="few steps to a backdoor",
            base_epochs=1,
            skill=BACKDOOR.skill,
            trait=BACKDOOR.trait,
        ),
        replace(
            _SHORT,
            name="short-fashion",
            about="few steps with clothes",
            digits="fashion",
            digests=FASHION.digests,
        ),
    )
}
