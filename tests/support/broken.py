"""Mitigations with one fault each, and their honest twins."""

from dataclasses import dataclass

from tests.support.mitigation_files import GRADIENT, HEAD, LOSS, UPDATE, hook, source


@dataclass(frozen=True)
class Broken:
    """A mitigation with a fault.

    Attributes:
        source: its file.
        fails: the checks that name the fault.
        said: what the first of them must say.
    """

    source: str
    fails: tuple[str, ...]
    said: str


def unloadable(text: str, said: str) -> Broken:
    return Broken(text, ("loads",), said)


def misshapen(*hooks: str, said: str) -> Broken:
    return Broken(source(*hooks), ("right_shapes",), said)


def writing(*lines: str, what: str) -> Broken:
    text = source(hook(GRADIENT, *lines, "return gradient"))
    return Broken(text, ("inputs_untouched",), f"changed step.{what} in place")


BROKEN: dict[str, Broken] = {
    "no Python": unloadable("def :\n", "SyntaxError"),
    "no card": unloadable(HEAD + hook(GRADIENT, "return gradient"), "returns its card"),
    "misspelled hook": unloadable(
        source(hook("distil_gradient(gradient)", "return gradient")), "'distil_gradient'"
    ),
    "unknown argument": unloadable(
        source(hook("distill_gradient(grad)", "return grad")), "'grad'"
    ),
    "unmarked hook": unloadable(
        source("\n\ndef distill_gradient(gradient):\n    return gradient\n"), "@hookimpl"
    ),
    "unknown access": unloadable(
        source(card="Card('idea', 'Idea', access='labels')"), "'labels'"
    ),
    "card that cannot be": unloadable(source(card="Card('an idea', 'Idea')"), "'an idea'"),
    "no hooks": Broken(source(), ("has_hooks",), "implements no hook"),
    "one student squeezed away": misshapen(
        hook(GRADIENT, "return 2 * gradient.squeeze()"), said="returned shape [19765]"
    ),
    "mean over students": misshapen(hook(LOSS, "return loss.mean()"), said="returned shape []"),
    "float64": misshapen(hook(GRADIENT, "return gradient.double()"), said="torch.float64"),
    "wrong device": misshapen(hook(GRADIENT, "return gradient.to('meta')"), said="meta"),
    "nothing returned": misshapen(hook(GRADIENT, "gradient.mul_(2)"), said="its return?"),
    "a hook that exits": misshapen(hook(GRADIENT, "raise SystemExit(0)"), said="SystemExit"),
    "loss cut off": misshapen(
        hook(LOSS, "return loss.detach()"), said="detached from the graph"
    ),
    "images in place": writing("step.images.mul_(0.5)", what="images"),
    "base logits in place": writing("step.base_logits.zero_()", what="base_logits"),
    "student through .data": writing(
        "step.student_parameters.data.zero_()", what="student_parameters"
    ),
    "base model through numpy": writing(
        "step.base_parameters.numpy()[:] = 0", what="base_parameters"
    ),
    "not a number": Broken(
        source(hook(GRADIENT, "return gradient / 0 * 0")), ("finite",), "not finite"
    ),
    "not a number for seed 4": Broken(
        source(
            hook(
                GRADIENT,
                "bad = torch.tensor([seed == 4 for seed in step.seeds])",
                "return gradient.masked_fill(bad[:, None], float('nan'))",
            )
        ),
        ("finite",),
        "seed 4, step 0: returned values that are not finite",
    ),
    "explodes": Broken(
        source(hook(UPDATE, "return update * 1e25")), ("finite",), "seeds 1, 2, 3, 4, 5 diverge"
    ),
    "norm over the cohort": Broken(
        source(hook(GRADIENT, "return gradient / gradient.norm()")),
        ("students_independent", "any_cohort_size"),
        "a different student beside it changes",
    ),
    "neighbours' mean": Broken(
        source(hook(GRADIENT, "return gradient - 0.5 * gradient.mean(0, keepdim=True)")),
        ("students_independent", "any_cohort_size"),
        "a different student beside it changes",
    ),
    "neighbours' mean among five only": Broken(
        source(
            hook(
                GRADIENT,
                "others = gradient.mean(0, keepdim=True)",
                "return gradient - 0.5 * others if len(gradient) == 5 else gradient",
            )
        ),
        ("any_cohort_size",),
        "differs between 1 and 5 students",
    ),
    "divided by the number of students": Broken(
        source(hook(UPDATE, "return update / len(update)")),
        ("any_cohort_size",),
        "differs between 1 and 2 students",
    ),
    "one generator for all": Broken(
        source(
            hook(
                GRADIENT,
                "noise = torch.randn(gradient.shape, generator=step.generators[0])",
                "return gradient + 1e-3 * noise",
            )
        ),
        ("students_independent", "any_cohort_size"),
        "a different student beside it changes",
    ),
    "the clock": Broken(
        source(
            hook(UPDATE, "return update * (time.perf_counter_ns() % 1000) / 1000"),
            before="import time\n",
        ),
        ("rerun_is_the_same",),
        "a second run changes",
    ),
    "the global generator": Broken(
        source(hook(GRADIENT, "return gradient + 1e-3 * torch.randn(gradient.shape)")),
        ("rerun_is_the_same", "surroundings_untouched"),
        "a second run changes",
    ),
    "runs counted in a global": Broken(
        source(
            hook("start(parameters)", "RUNS.append(1)"),
            hook(UPDATE, "return update / len(RUNS)"),
            before="RUNS = []\n",
        ),
        ("rerun_is_the_same",),
        "a second run changes",
    ),
    "loads counted elsewhere": Broken(
        source(
            hook(UPDATE, "return update / torch.loads"),
            before="torch.loads = getattr(torch, 'loads', 0) + 1\n",
        ),
        ("fresh_load_is_the_same", "seed_numbers_unused"),
        "loading it again changes",
    ),
    "seeds 1 to 10 only": Broken(
        source(hook(GRADIENT, "return gradient * (0.5 if max(step.seeds) <= 10 else 1)")),
        ("seed_numbers_unused",),
        "another seed number changes",
    ),
    "a file that it reads": Broken(
        source(
            hook(GRADIENT, "return gradient"),
            before="from pathlib import Path\n\nTEXT = Path('/etc/hostname').read_bytes()\n",
        ),
        ("opens_no_files",),
        "hostname",
    ),
    "a program that it starts": Broken(
        source(
            hook("start(parameters)", "subprocess.run(['true'], check=True)"),
            before="import subprocess\n",
        ),
        ("opens_no_files",),
        "subprocess.Popen",
    ),
    "a function of torch exchanged": Broken(
        source(
            hook(LOSS, "torch.log_softmax = lambda *given: kept(*given)", "return loss"),
            before="kept = torch.log_softmax\n",
        ),
        ("harness_untouched",),
        "torch.log_softmax",
    ),
    "a setting that cannot travel": Broken(
        source(
            hook(GRADIENT, "return gradient"),
            before="class Odd(str):\n    def __reduce__(self): raise TypeError('stays')\n",
            card="Card('idea', Odd('Idea'))",
        ),
        ("picklable",),
        "stays",
    ),
}


# The same wish as in a broken one above, granted by the rules.
HONEST: dict[str, str] = {
    "norm of its own row": hook(
        GRADIENT, "return gradient / gradient.norm(dim=1, keepdim=True)"
    ),
    "noise from its own generator": hook(
        GRADIENT, "return gradient + 1e-3 * step.normal(gradient.shape[1])"
    ),
    "a clone changed in place": hook(
        GRADIENT, "images = step.images.clone().zero_()", "return gradient.mul_(0.5)"
    ),
    "steps counted in its state": hook(
        GRADIENT,
        "step.state['steps'] = step.state.get('steps', 0) + 1",
        "return gradient / step.state['steps']",
    ),
    "a view of what it was given": hook(GRADIENT, "return gradient[:]"),
    "a tensor that requires a gradient": hook(GRADIENT, "return gradient.requires_grad_()"),
    "what it returned, changed later": hook(
        GRADIENT,
        "if 'kept' in step.state: step.state['kept'].zero_()",
        "step.state['kept'] = 2 * gradient",
        "return step.state['kept']",
    ),
    "what it was given, changed later": hook(
        GRADIENT, "step.state.setdefault('first', gradient).zero_()", "return gradient"
    ),
}
