"""Files of readers, and what they are shown."""

import torch

from subliminal_bench.reading.plugins.reader_card import RENDERINGS
from subliminal_bench.reading.plugins.shown import Shown
from subliminal_bench.reading.secret_rendering import secret_rendering
from subliminal_bench.training.cohort import Cohort

HEAD = "import torch\n\nfrom subliminal_bench import Parameter, ReaderCard, hookimpl\n\n"
CARD = "ReaderCard('mine', 'Mine', 'somehow')"
# As in the built-in example, in three lines.
HONEST = (
    "shown = noise[:3000]",
    "from subliminal_bench.reading.noise_head import NoiseHead",
    "said = teacher.class_logits(shown)",
    "head = NoiseHead.fitted(student.activations(shown)[1], said - said.mean(1, keepdim=True))",
    "return head.logits(student.activations(images)[1]).argmax(1)",
)


def reader_source(
    *lines: str,
    card: str = CARD,
    arguments: str = "student, base, teacher, noise, audit_images, audit_labels, images, "
    "generator, settings",
    before: str = "",
) -> str:
    """A reader's file; by default an honest one."""
    body = "".join(f"    {line}\n" for line in lines or HONEST)
    return (
        f"{HEAD}{before}\n\n@hookimpl\ndef reader_card():\n    return {card}\n\n\n"
        f"@hookimpl\ndef reader({arguments}):\n{body}"
    )


def shown(cohort: Cohort, *renderings: str) -> Shown:
    """What readers are shown of a cohort's first student, in every rendering by default."""
    return Shown.of(
        cohort.protocol,
        cohort.seeds[0],
        (cohort.base_parameters[0], cohort.teacher_parameters[0]),
        cohort.noise[0],
        cohort.test_images[0],
        (cohort.audit_images[0], cohort.audit_labels[0]),
        renderings or tuple(RENDERINGS),
        secret_rendering(torch.Generator().manual_seed(5)),
    )
