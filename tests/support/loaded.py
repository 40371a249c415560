"""Mitigations loaded by name: what they do, and why one is refused."""

from typing import Any

import pytest
import torch

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from tests.support.plugins_for_tests import one_line


def refused(given: Any, *set_options: str) -> str:
    with pytest.raises(MitigationError) as caught:
        load_mitigation(given, set_options)
    return one_line(caught.value)


def scaled_by(mitigation: Mitigation) -> list[float]:
    """What each plugin of scaling files makes of a gradient of one."""
    ones = torch.ones(1, 1)
    return [
        one.manager.hook.distill_gradient(gradient=ones, step=one).item()
        for one in mitigation.plugins
    ]


NAMES = ("baseline", "liminal")


def loaded(*names: str) -> list[Mitigation]:
    return [load_mitigation(name) for name in names]
