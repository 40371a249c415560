"""A step's images come when somebody looks at them, and are then those of that step."""

import copy
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from subliminal_bench.errors import HookError
from subliminal_bench.experiment.model import Layout
from subliminal_bench.mitigation.card import Settings
from subliminal_bench.mitigation.hooks import Step, altered
from subliminal_bench.mitigation.isolation.late_images import LateImages, LateStep
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.student import train_students
from tests.support.isolated import Cohorts, cases, isolated, same
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import one_line

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")

LOOKS = {
    "at every step": hook(
        GRADIENT, "return gradient * (1 + step.images.mean((1, 2))[:, None])"
    ),
    "at the step before, once it is over": hook(
        GRADIENT,
        "before = step.state.get('before', step)",
        "step.state['before'] = step",
        "return gradient * (1 + before.images.mean((1, 2))[:, None])",
    ),
    "at some steps": hook(
        GRADIENT, "return gradient * (step.images.max() if step.index % 2 else 1)"
    ),
}


class TestStep:
    def test_it_asks_for_its_images_once_and_only_if_somebody_looks(self) -> None:
        step, asked = late_step()
        assert step.index == 3
        assert not asked
        assert isinstance(step, Step)
        assert step.images is step.images
        assert len(asked) == 1

    def test_its_copies_have_the_same_images(self) -> None:
        step, asked = late_step()
        copies = [copy.copy(step), altered(step, index=4), replace(step, index=5)]
        assert [one.index for one in copies] == [3, 4, 5]
        assert all(one.images is step.images for one in copies)
        assert len(asked) == 1

    def test_several_threads_get_the_same_images(self) -> None:
        step, asked = late_step()
        found: list[Tensor] = []
        threads = [
            threading.Thread(target=lambda: found.append(copy.copy(step).images))
            for _ in range(4)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(asked) == 1
        assert all(one is step.images for one in found)

    def test_what_no_step_has_it_does_not_have_either(self) -> None:
        step, asked = late_step()
        with pytest.raises(AttributeError, match="'Step' object has no attribute 'labels'"):
            step.labels  # noqa: B018
        assert not asked


class TestProcess:
    @pytest.mark.parametrize("name", cases(LOOKS, "at the step before, once it is over"))
    def test_a_hook_that_looks_gives_the_same_bits(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        cohort = tiny_cohort(1, 2)
        apart = train_students(cohort, isolated(tmp_path, source(LOOKS[name])))
        assert same(apart, train_students(cohort, load_mitigation(str(tmp_path / "idea.py"))))

    def test_images_that_nobody_looks_at_are_not_sent(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        apart = isolated(tmp_path, source(hook(GRADIENT, "return gradient")))
        process = apart.launcher._waiting
        assert process
        train_students(tiny_cohort(1), apart)
        assert "value" in process.blocks._blocks
        assert "images" not in process.blocks._blocks

    @pytest.mark.slow
    def test_a_request_for_images_outside_of_a_step_ends_the_run(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        forged = hook(
            "start(parameters)",
            'content = b\'{"kind": "asks images", "number": 3}\'',
            "os.write(int(sys.argv[1]), len(content).to_bytes(4, 'big') + content)",
            "time.sleep(9)",
        )
        text = source(forged, before="import os\nimport sys\nimport time\n\n")
        with pytest.raises(HookError) as caught:
            train_students(tiny_cohort(1), isolated(tmp_path, text))
        assert "sent an invalid reply" in one_line(caught.value)


def late_step() -> tuple[LateStep, list[int]]:
    """A step without its images, and a list that grows when they are asked for."""
    asked: list[int] = []

    def ask() -> Tensor:
        asked.append(1)
        return torch.ones(1, 2, 3)

    nothing = torch.zeros(1, 2)
    content: dict[str, Any] = {
        **{"steps": 9, "epochs": 1, "seeds": (1,), "settings": Settings({})},
        **{"base_parameters": nothing, "generators": (), "state": {}},
        **{"layout": Layout((), ()), "index": 3, "epoch": 0, "_trait_gradient": None},
        **{"auxiliary_logits": nothing, "base_logits": nothing},
        "student_parameters": nothing,
    }
    return LateStep.of(content, LateImages(content, ask)), asked
