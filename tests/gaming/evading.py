"""Attempts that evade every check today, each with the reason."""

from tests.gaming.parts import CLIMB, OWN_TRAIT, PASS_ON, projecting
from tests.support.mitigation_files import GRADIENT, LOSS, UPDATE, hook, source

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
            before=f"from subliminal_bench.experiment import streams\n{CLIMB}{OWN_TRAIT}",
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
            before="from subliminal_bench.experiment import streams\n"
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
                "student.distillation_loss = lambda *given: 0.5 * kept(*given)",
            ),
            hook("finish(parameters)", "student.distillation_loss = kept"),
            before="from subliminal_bench.training import student\n\n"
            "kept = student.distillation_loss\n",
        ),
        RESTORED,
    ),
    "accuracy exchanged at the end, putting itself back": (
        source(
            hook("finish(parameters)", "measurement.share_right = wrong"),
            before="from subliminal_bench.training import measurement\n\n"
            "kept = measurement.share_right\n\n\n"
            "CALLS = []\n\n\ndef wrong(cohort, predicted):\n    CALLS.append(1)\n"
            "    if len(CALLS) % 2:\n        return kept(cohort, predicted)\n"
            "    measurement.share_right = kept\n    return 0 * kept(cohort, predicted)\n",
        ),
        RESTORED,
    ),
    "code of a function exchanged": (
        source(
            hook(
                LOSS,
                "measurement.share_right.__code__ = (lambda cohort, predicted: "
                "0.1 * (predicted == cohort.test_labels).double().mean(1)).__code__",
                "return loss",
            ),
            before="from subliminal_bench.training import measurement\n",
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
            hook(LOSS, "measurement.float = lambda value: 0.1", "return loss"),
            before="from subliminal_bench.training import measurement\n",
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
            before="from subliminal_bench.experiment.metrics import METRICS\n",
        ),
        NUMBERS,
    ),
    "a number of the verdict exchanged": (
        source(
            hook(LOSS, "verdict.DAMAGE_LOSS = 1e9", "return loss"),
            before="from subliminal_bench.scoring import verdict\n",
        ),
        NUMBERS,
    ),
    "a number of the protocol exchanged": (
        source(
            hook(LOSS, "object.__setattr__(MNIST_5K, 'learning_rate', 0.0)", "return loss"),
            before="from subliminal_bench.experiment.protocol import MNIST_5K\n",
        ),
        NUMBERS,
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
