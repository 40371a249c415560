"""The files that an author starts from: a mitigation and its test."""

import keyword
import re
from importlib.util import find_spec
from pathlib import Path

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.results.files import write_atomically

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")

MITIGATION = '''"""NAME: say here what it does, why it should help, and what it shows.

It starts as a working example: it holds the class logits on noise near the untrained model's.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="NAME",
        title="Hold the class logits",
        # docs/hooks.md says what this level shows, and which others there are.
        access="blind",
        parameters=(Parameter("weight", 1.0, "strength of the hold", minimum=0.0),),
        reference="",
    )


@hookimpl
def distill_loss(loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
    """loss is [students]; student_logits are [students, batch, 13], the ten classes first."""
    student = torch.log_softmax(student_logits[..., :10], -1)
    base = torch.log_softmax(step.base_logits[..., :10], -1)
    held = (base.exp() * (base - student)).sum(-1).mean(-1)
    weight: float = step.settings.weight
    return loss + weight * held
'''

TEST = '''"""NAME keeps the rules of subliminal-bench: one test per check."""

from collections.abc import Callable
from pathlib import Path

from subliminal_bench import conformance


@conformance.parametrize(str(Path(__file__).with_name("NAME.py")))
def test_it_keeps_the_rules(check: Callable[[], None]) -> None:
    check()
'''


def write_starter(name: str, folder: Path) -> list[Path]:
    """Write a mitigation and its test.

    Args:
        name: of the mitigation; its file has _ for each -.
        folder: where to write them.

    Returns:
        The two files.

    Raises:
        MitigationError: no Python module can have the name, or a file already exists.
    """
    if not _NAME.fullmatch(name):
        raise MitigationError(
            f"name {name!r}: use lower-case letters, digits, _ and -, such as my_idea"
        )
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or find_spec(module) is not None:
        raise MitigationError(f"name {name!r} is taken by Python or an installed package")
    if name in built_in_names():
        raise MitigationError(f"name {name!r} belongs to a built-in mitigation: choose another")
    files = {
        folder / f"{module}.py": MITIGATION.replace("NAME", name),
        folder / f"test_{module}.py": TEST.replace("NAME.py", f"{module}.py").replace(
            "NAME", name
        ),
    }
    for path in files:
        if path.exists():
            raise MitigationError(f"{path} already exists: choose another name or folder")
    for path, text in files.items():
        write_atomically(path, text.encode())
    return list(files)
