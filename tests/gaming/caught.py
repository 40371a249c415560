"""Attempts that a check catches, each with the one check that names it."""

from dataclasses import dataclass

from tests.gaming.parts import (
    CLIMB,
    LOADED,
    OWN_TRAIT,
    PASS_ON,
    PROJECTED,
    SLY_CARD,
    exchanging,
    projecting,
)
from tests.support.checked import BY_HEART
from tests.support.mitigation_files import GRADIENT, LOSS, UPDATE, hook, source


@dataclass(frozen=True)
class Attempt:
    """A file, the one check that catches it, and what that says."""

    source: str
    caught_by: str
    said: str


CAUGHT: dict[str, Attempt] = {
    "no hooks, under the baseline's name": Attempt(
        source(card="Card('baseline', 'Mine')"),
        "loads",
        "belongs to a built-in mitigation",
    ),
    "divided by the first student's norm": Attempt(
        source(
            hook(GRADIENT, "return gradient / gradient[:1].norm(dim=1, keepdim=True)"),
        ),
        "students_independent",
        "a different student beside it changes",
    ),
    "threads set by its file": Attempt(
        source(PASS_ON, before="torch.set_num_threads(3)\n"),
        "surroundings_untouched",
        "the number of threads",
    ),
    "gradients switched off at the end": Attempt(
        source(hook("finish(parameters)", "torch.set_grad_enabled(True)")),
        "surroundings_untouched",
        "gradient mode",
    ),
    "a mode that sees every operation": Attempt(
        source(
            hook("finish(parameters)", "Mode().__enter__()"),
            before="""
from torch.overrides import TorchFunctionMode


class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))
""",
        ),
        "surroundings_untouched",
        "function modes",
    ),
    "the global generator seeded": Attempt(
        source(hook(GRADIENT, "torch.manual_seed(0)", "return gradient")),
        "surroundings_untouched",
        "torch's global generator",
    ),
    "asks for the trait gradient": Attempt(
        projecting("trait = step.trait_gradient()"),
        "within_access",
        "needs access level 'trait-grad",
    ),
    "asks for the teacher's class logits": Attempt(
        source(hook(LOSS, "return loss * step.teacher_logits[..., :10].std()")),
        "within_access",
        "needs access level 'teacher-classes'",
    ),
    "takes the teacher's class logits from a frame": Attempt(
        source(
            hook(LOSS, "return loss * above('cohort').teacher_logits[..., :10].std()"),
            before=CLIMB,
        ),
        "blind",
        "it sees more than access 'blind' allows",
    ),
    "takes the trait gradient from a frame": Attempt(
        projecting("trait = above('audit').shown(True)", before=CLIMB),
        "blind",
        "it sees more than access 'blind' allows",
    ),
    "takes the audit digits from a frame": Attempt(
        projecting(
            "_, trait = above('cohort').trait_gradient(step.student_parameters.detach())",
            before=CLIMB,
        ),
        "blind",
        "it sees more than access 'blind' allows",
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
            before="import gc\n\nfrom subliminal_bench.training.cohort import Cohort\n",
        ),
        "blind",
        "it sees more than access 'blind' allows",
    ),
    "card that says another access to the harness": Attempt(
        projecting(
            "trait = step.trait_gradient()",
            before=f"import sys\n{SLY_CARD}",
            card="Sly('idea', 'Idea')",
        ),
        "within_access",
        "which declares 'blind'",
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
        "it has memorised MNIST",
    ),
    "takes the digits that the kit has read": Attempt(
        projecting(
            "shown = digits()",
            "trait = trait_of(step, shown.images[::10], shown.labels[::10])",
            before=f"from subliminal_bench.conformance.small import digits\n{OWN_TRAIT}",
        ),
        BY_HEART,
        "it has memorised MNIST",
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
            before="from subliminal_bench.training import student\n\n"
            "kept = student.distillation_loss\n"
            "student.distillation_loss = lambda *given: 0.5 * kept(*given)\n",
        ),
        "harness_untouched",
        "subliminal_bench.training.student.distillation_loss",
    ),
    "loss of the training exchanged by its card": Attempt(
        source(
            PASS_ON,
            before="from subliminal_bench.experiment import objective\n",
            card="(setattr(objective, 'distillation_loss', None), Card('idea', 'Idea'))[1]",
        ),
        "harness_untouched",
        "subliminal_bench.experiment.objective.distillation_loss",
    ),
    "loss of the training exchanged at the start": Attempt(
        source(
            hook(
                "start(parameters)",
                "student.distillation_loss = lambda *given: 0.5 * kept(*given)",
            ),
            before="from subliminal_bench.training import student\n\n"
            "kept = student.distillation_loss\n",
        ),
        "harness_untouched",
        "subliminal_bench.training.student.distillation_loss",
    ),
    "accuracy exchanged": Attempt(
        exchanging(
            "subliminal_bench.training.measurement",
            "accuracy",
            "lambda *given: 0 * kept(*given)",
        ),
        "harness_untouched",
        "subliminal_bench.training.measurement.accuracy",
    ),
    "a method of the cohort exchanged": Attempt(
        exchanging(
            "subliminal_bench.training.measurement.Cohort",
            "logits",
            "lambda *given: 0 * kept(*given)",
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
            before="import subliminal_bench.mitigation.card\n\n"
            "kept = subliminal_bench.mitigation.card.Card\n"
            "subliminal_bench.mitigation.card.Card = type('Card', (kept,), {})\n",
        ),
        "harness_untouched",
        "subliminal_bench.mitigation.card.Card",
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
