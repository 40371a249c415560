"""The checks: each has a claim, the reason for it, and what to do if it fails."""

import math
import pickle

import torch
from scipy import stats

from subliminal_bench.conformance.claim import Check
from subliminal_bench.conformance.small import SMALL, cohort, differing, digits, students
from subliminal_bench.conformance.subject import Subject
from subliminal_bench.conformance.surroundings import (
    global_generators,
    global_state,
    opened_files,
    other_global_seeds,
)
from subliminal_bench.conformance.units import units_out_of_place
from subliminal_bench.experiment.metrics import STEP_CURVES, under_renamed_digits
from subliminal_bench.mitigation.card import hidden_from, sees_labels
from subliminal_bench.mitigation.mitigation import load_mitigation, refuse_built_in_names
from subliminal_bench.training.blindness import is_blind, renamed_digits
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

# A student trained alone and one in a cohort agree over the first steps, before rounding grows.
_FIRST_STEPS = 4
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4
# For the renamed digits: the seeds on each side, and how unlikely a difference must be.
_RENAMED_SEEDS = tuple(range(1, 21))
_RENAMED_LEVEL = 1e-4
_RENAMED_METRICS = under_renamed_digits()


def _loads(subject: Subject) -> str | None:
    refuse_built_in_names(subject.load())
    return None


def _hooks(subject: Subject) -> str | None:
    without = [one.card.name for one in subject.mitigation.plugins if not one.hooks]
    if without and not subject.mitigation.same_as(load_mitigation("baseline")):
        return f"{', '.join(without)} implements no hook besides its card: it changes nothing"
    return None


def _shapes(subject: Subject) -> str | None:
    for seeds in ((1,), (1, 2), (1, 2, 3, 4, 5)):
        subject.outcomes(*seeds)
    return None


def _finite(subject: Subject) -> str | None:
    ended = subject.outcomes(1, 2, 3, 4, 5)
    lost = [str(one.seed) for one in ended if one.diverged_at is not None]
    steps = SMALL.student_steps
    return f"students of seeds {', '.join(lost)} diverge within {steps} steps" if lost else None


def _independent(subject: Subject) -> str | None:
    first, second = subject.outcomes(1, 2)
    touched = differing(first, students(subject.mitigation, 1, 3)[0])
    touched += differing(second, students(subject.mitigation, 3, 2)[1])
    found = ", ".join(dict.fromkeys(touched))
    return f"a different student beside it changes {found}" if touched else None


def _any_cohort(subject: Subject) -> str | None:
    (alone,) = subject.outcomes(1)
    for together in (subject.outcomes(1, 2), subject.outcomes(1, 2, 3, 4, 5)):
        for name in STEP_CURVES:
            ours, theirs = (one.curves[name][:_FIRST_STEPS] for one in (alone, together[0]))
            if not torch.allclose(ours, theirs, _RELATIVE, _ABSOLUTE, equal_nan=True):
                return f"{name} of seed 1 differs between 1 and {len(together)} students"
    return None


def _rerun(subject: Subject) -> str | None:
    def find() -> str | None:
        with other_global_seeds(20):
            (again,) = students(subject.mitigation, 1)
        changed = differing(subject.outcomes(1)[0], again)
        return f"a second run changes {', '.join(changed)}" if changed else None

    # All checks that compare two runs need this result.
    return subject.once("rerun", find)


def _fresh_load(subject: Subject) -> str | None:
    (anew,) = students(subject.loaded_again(), 1)
    changed = differing(subject.outcomes(1)[0], anew)
    return f"loading it again changes {', '.join(changed)}" if changed else None


def _seed_numbers(subject: Subject) -> str | None:
    (known,) = subject.outcomes(1)
    (unknown,) = train_students(cohort(1), subject.mitigation, shown_seeds=(20_011,))
    changed = differing(known, unknown)
    return f"another seed number changes {', '.join(changed)}" if changed else None


def _blind(subject: Subject) -> str | None:
    if is_blind(cohort(1), subject.mitigation, subject.secret):
        return None
    access = subject.mitigation.access
    return (
        f"other {hidden_from(access)} change the student: it sees more than access {access!r} "
        "allows"
    )


def _by_heart(subject: Subject) -> str | None:
    plain, other = (_on_renamed(subject, secret) for secret in (None, subject.secret))
    level = _RENAMED_LEVEL / len(_RENAMED_METRICS)
    for metric in _RENAMED_METRICS:
        ours, theirs = ([one.metrics[metric] or 0.0 for one in side] for side in (plain, other))
        if max(ours) == min(ours) and max(theirs) == min(theirs):
            continue
        p = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
        if math.isfinite(p) and p < level:
            here, there = (sum(side) / len(side) for side in (ours, theirs))
            return (
                f"under secret permutations of pixels and classes {metric} goes from "
                f"{here:.4g} to {there:.4g} (p = {p:.0e}): it has memorised MNIST"
            )
    return None


def _on_renamed(subject: Subject, secret: int | None) -> list[Outcome]:
    found = []
    for seed in _RENAMED_SEEDS:
        shown = digits() if secret is None else renamed_digits(SMALL, digits(), secret + seed)
        device = torch.device("cpu")
        teachers = train_teachers(SMALL, (seed,), shown, device)
        found += train_students(
            Cohort(SMALL, (seed,), device, shown, teachers), subject.mitigation
        )
    return found


def _inputs(subject: Subject) -> str | None:
    # The harness checks after every hook; a fault ends the run.
    subject.outcomes(1, 2)
    return None


def _surroundings(subject: Subject) -> str | None:
    # Other states than at loading: otherwise reseeding a generator could restore its state.
    with other_global_seeds(21):
        before = subject.surroundings | global_generators()
        loaded = subject.loaded_again()
        students(loaded, 1)
        after = global_state()
    changed = [name for name in before if before[name] != after[name]]
    changed += [f"torch's {name} when it is loaded" for name in loaded.undone]
    return f"it changes {', '.join(changed)}" if changed else None


def _files(subject: Subject) -> str | None:
    with opened_files() as found:
        students(subject.loaded_again(), 1)
    return f"it opens {', '.join(sorted(found))}" if found else None


def _harness(subject: Subject) -> str | None:
    subject.outcomes(1)
    changed = subject.harness.changed()
    return f"it replaces {', '.join(changed)}" if changed else None


def _picklable(subject: Subject) -> str | None:
    for plugin in subject.mitigation.plugins:
        for what, value in (("card", plugin.card), ("settings", dict(plugin.settings))):
            try:
                same = pickle.loads(pickle.dumps(value)) == value
            except Exception as error:
                return f"the {what} of {plugin.card.name} cannot be pickled: {error}"
            if not same:
                return f"the {what} of {plugin.card.name} changes when it is pickled"
    return None


def _within_access(subject: Subject) -> str | None:
    # A step refuses what its card does not declare; a refusal ends the run.
    subject.outcomes(1, 2)
    return None


def _sees_labels(subject: Subject) -> str | None:
    access = subject.mitigation.access
    return f"its card declares access {access!r}" if sees_labels(access) else None


_RANDOMNESS = "draw random numbers from step.normal() or step.generators only"
_REPEATABLE = ("rerun_is_the_same",)
_OWN_ROW = "keep the first dimension: one row per student, no mean or norm across rows"

CHECKS: dict[str, Check[Subject]] = {
    check.name: check
    for check in [
        Check(
            "loads",
            "it loads and declares a card, and its hooks and their arguments are known",
            "a misspelled hook would silently never run",
            "see the message; docs/hooks.md lists hooks and arguments",
            _loads,
        ),
        Check(
            "has_hooks",
            "it implements a hook",
            "a mitigation without one is plain distillation under another name",
            "implement a hook, and mark it with @hookimpl",
            _hooks,
        ),
        Check(
            "right_shapes",
            "shapes, dtypes and devices are right for 1, 2 and 5 students",
            "on a GPU a hundred students train side by side",
            "return a tensor like the one that the hook received, one row per student",
            _shapes,
        ),
        Check(
            "inputs_untouched",
            "its hooks do not change their inputs in place",
            "the measurements use the same tensors",
            "work on a clone, and return the result",
            _inputs,
        ),
        Check(
            "finite",
            "no student diverges on the small experiment",
            "a diverged student counts as the worst",
            "guard divisions and logarithms; lower the strength",
            _finite,
        ),
        Check(
            "rerun_is_the_same",
            "a rerun is bit-identical, whatever the state of the global generators",
            "a number that nobody can reproduce is not a result",
            _RANDOMNESS,
            _rerun,
        ),
        Check(
            "students_independent",
            "a student is bit-identical, whichever students are trained beside it",
            "the comparisons treat seeds as independent",
            _OWN_ROW,
            _independent,
            needs=_REPEATABLE,
        ),
        Check(
            "any_cohort_size",
            "a student is the same within float tolerance, alone or among others",
            "a laptop trains one student at a time and a GPU a hundred",
            _OWN_ROW,
            _any_cohort,
            needs=_REPEATABLE,
        ),
        Check(
            "fresh_load_is_the_same",
            "it is bit-identical when loaded again",
            "state that a module keeps from an earlier run would change a later one",
            "keep state in step.state, not in globals or on self",
            _fresh_load,
            needs=_REPEATABLE,
        ),
        Check(
            "seed_numbers_unused",
            "the number of a seed does not matter",
            "a mitigation could be tuned to the seeds that are reported",
            f"do not compute with step.seeds; {_RANDOMNESS}",
            _seed_numbers,
            needs=_REPEATABLE,
        ),
        Check(
            "within_access",
            "it asks for nothing above the access level that its card declares",
            "entries are ranked beside those that see as much as they do",
            "declare the level that the message names, or use what the declared level shows",
            _within_access,
        ),
        Check(
            "blind",
            "a student is bit-identical with other values of all that its access does not show",
            "a distiller has neither labels nor real digits, nor the teacher's class logits",
            "compute from the attributes of step, or declare a higher access level",
            _blind,
            _sees_labels,
            _REPEATABLE,
        ),
        Check(
            "nothing_by_heart",
            "results keep their distribution under secret permutations of pixels and classes",
            "a mitigation could load MNIST by itself",
            "use only what the hooks receive",
            _by_heart,
        ),
        Check(
            "units_in_place",
            "its hidden units stay in their places, and keep their sizes as training does",
            "permuted or rescaled units can look like another student and compute the same",
            "say in the card's title why it moves them; the leaderboard's row will be marked",
            units_out_of_place,
            marks=True,
        ),
        Check(
            "opens_no_files",
            "it opens no files, connections or processes",
            "the digits and their labels are on this disk",
            "put the numbers that it needs into its source",
            _files,
        ),
        Check(
            "harness_untouched",
            "it does not replace functions of this package or of torch",
            "a replaced loss or optimiser would make every measurement meaningless",
            "change training through the hooks only",
            _harness,
        ),
        Check(
            "surroundings_untouched",
            "it does not change global generators, precision, threads or gradient mode",
            "the next student would be trained under other conditions",
            f"{_RANDOMNESS}; leave torch's settings alone",
            _surroundings,
        ),
        Check(
            "picklable",
            "card and settings survive pickling",
            "they are sent to worker processes and machines",
            "use plain numbers and words",
            _picklable,
        ),
    ]
}
