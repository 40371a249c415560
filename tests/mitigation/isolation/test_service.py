"""The process of a blind mitigation is never sent the teacher's class logits."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from subliminal_bench.errors import AccessError, HookError
from subliminal_bench.mitigation.card import Access
from subliminal_bench.mitigation.isolation.channel import Blocks
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.student import train_students
from tests.support.isolated import Cohorts, cases, isolated, same
from tests.support.mitigation_files import GRADIENT, LOSS, hook, source
from tests.support.plugins_for_tests import one_line, write

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")

ABOVE_BLIND = ("teacher-classes", "trait-gradient")
READING = hook(
    "distill_loss(loss, targets, step)",
    "classes = step.teacher_logits[..., :10].std((1, 2))",
    "return loss * (1 + 0.1 * classes)",
)
HONEST = hook(LOSS, "return loss * (1 + 0.1 * step.auxiliary_logits.std((1, 2)))")


def declaring(access: Access, name: str = "idea") -> str:
    return f"Card({name!r}, 'Idea', access={access!r})"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Tensor]]:
    """Every tensor that is put into memory that a process shares, by its name."""
    found: dict[str, list[Tensor]] = {}
    put = Blocks.put

    def noting(blocks: Blocks, name: str, tensor: Tensor) -> dict[str, Any]:
        found.setdefault(name, []).append(tensor.detach().clone())
        return put(blocks, name, tensor)

    monkeypatch.setattr(Blocks, "put", noting)
    return found


def test_a_blind_mitigations_process_is_sent_auxiliary_logits_alone(
    tmp_path: Path, tiny_cohort: Cohorts, sent: dict[str, list[Tensor]]
) -> None:
    cohort = tiny_cohort(1)
    apart = train_students(cohort, isolated(tmp_path, source(HONEST)))
    assert {tuple(one.shape) for one in sent["auxiliary_logits"]} >= {(1, 256, 3)}
    thirteen = {name for name, all_ in sent.items() if all_[0].shape[-1] == 13}
    # Those of models that a distiller has, and the slope of its own loss.
    assert thirteen == {"base_logits", "student_logits", "slope"}
    assert not any(one[..., :10].any() for one in sent["slope"])
    images = cohort.teacher_logits[0, :, :10]
    for name, tensors in sent.items():
        everything = torch.cat([one.flatten() for one in tensors])
        # A number may be there by chance, the ten of an image may not.
        assert not torch.isin(images, everything).all(1).any(), name
    assert same(apart, train_students(cohort, load_mitigation(str(tmp_path / "idea.py"))))


@pytest.mark.parametrize(
    "access", cases(["teacher-classes", "trait-gradient"], "teacher-classes")
)
def test_one_that_declares_them_reads_the_same_bits_as_here(
    access: Access, tmp_path: Path, tiny_cohort: Cohorts, sent: dict[str, list[Tensor]]
) -> None:
    cohort = tiny_cohort(1, 2)
    apart = train_students(cohort, isolated(tmp_path, source(READING, card=declaring(access))))
    assert sent["teacher_logits"][0].shape == (2, 256, 13)
    # The higher level brings nothing that the hook does not look at.
    assert "images" not in sent
    assert same(apart, train_students(cohort, load_mitigation(str(tmp_path / "idea.py"))))


def test_a_blind_one_that_asks_is_told_the_level(tmp_path: Path, tiny_cohort: Cohorts) -> None:
    with pytest.raises(HookError) as caught:
        train_students(tiny_cohort(1), isolated(tmp_path, source(READING)))
    assert "needs access level 'teacher-classes'" in one_line(caught.value)
    assert "declares 'blind'" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("blind_first", [True, False])
def test_a_blind_member_gains_nothing_from_one_beside_it(
    blind_first: bool, tmp_path: Path, tiny_cohort: Cohorts
) -> None:
    seeing = write(
        tmp_path / "seeing.py", source(READING, card=declaring("teacher-classes", "seeing"))
    )
    peeking = write(
        tmp_path / "peeking.py", source(READING, card=declaring("blind", "peeking"))
    )
    parts = [str(peeking), str(seeing)] if blind_first else [str(seeing), str(peeking)]
    for loaded in (load_isolated("+".join(parts)), load_mitigation("+".join(parts))):
        assert loaded.access == "teacher-classes"
        with pytest.raises(HookError) as caught:
            train_students(tiny_cohort(1), loaded)
        assert "which declares 'blind'" in one_line(caught.value)


@pytest.mark.slow
def test_a_card_that_is_rewritten_in_its_process_gains_nothing(
    tmp_path: Path, tiny_cohort: Cohorts, sent: dict[str, list[Tensor]]
) -> None:
    """The card that was read at the start counts: nothing more is sent."""
    text = source(
        hook("start(parameters)", "object.__setattr__(CARD, 'access', 'trait-gradient')")
        + READING,
        before="CARD = Card('idea', 'Idea')\n",
        card="CARD",
    )
    with pytest.raises(AccessError, match="which declares 'blind'"):
        train_students(tiny_cohort(1), isolated(tmp_path, text))
    assert "teacher_logits" not in sent


def test_a_request_that_evades_its_own_process_is_refused_by_the_trainers(
    tmp_path: Path, tiny_cohort: Cohorts
) -> None:
    text = source(
        hook(
            GRADIENT,
            "services = [one for one in gc.get_objects() if type(one).__name__ == 'Service']",
            "return services[0]._trait_gradient(False)",
        ),
        before="import gc\n",
    )
    with pytest.raises(HookError) as caught:
        train_students(tiny_cohort(1), isolated(tmp_path, text))
    said = "requested the trait gradient, which its card does not declare"
    assert said in one_line(caught.value)
