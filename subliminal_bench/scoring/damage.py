"""Signs that a trait is lower because something broke."""

import numpy as np

from subliminal_bench.experiment.metrics import METRICS, SKILL_METRICS
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.columns import Columns
from subliminal_bench.scoring.equal_distillation import EqualDistillation

# A trait loss this far above the initial one (in nats) is damage: it is five times the spread
# of the initial loss over seeds.
DAMAGE_LOSS = 0.5
# Predicting fewer classes than this share of the untrained model's number is a collapse.
DAMAGE_CLASSES = 0.5
# A skill this far below plain distillation's is lost.
DAMAGE_SKILL = 0.05
_MODELS = {"untrained": "the untrained model", "base": "the base"}


def damaged_body(equal: EqualDistillation, start: str) -> list[str]:
    """Readers that find clearly less than at the start, one sentence each."""
    below = statistics.below_untrained(equal.readings)
    return [
        f"{METRICS[one.name].title} reads {METRICS[one.name].show(float(one.entry.mean()))} %, "
        f"below {_MODELS[start]}'s {METRICS[one.name].show(float(one.untrained.mean()))} %"
        for one in equal.readings
        if below[one.name]
    ]


def lost_skill(entry: Columns, baseline: Columns) -> list[str]:
    """What the base could do and the student no longer can, one sentence at most.

    A diverged student has lost it.
    """
    if "skill_accuracy" not in entry.values or "skill_accuracy" not in baseline.values:
        return []
    ours, plain = (
        float(np.nan_to_num(run.values["skill_accuracy"]).mean()) for run in (entry, baseline)
    )
    if ours >= plain - DAMAGE_SKILL:
        return []
    show = SKILL_METRICS["skill_accuracy"].show
    return [
        f"the skill of the base is lost: {show(ours)} %, while plain distillation keeps "
        f"{show(plain)} %"
    ]


def damaged_head(entry: Columns) -> list[str]:
    """What broke in the class head, one sentence each."""
    found = []
    before, after = (entry.mean(f"trait_loss_{when}") for when in ("initial", "final"))
    if after - before > DAMAGE_LOSS:
        found.append(
            f"the trait loss ends at {after:.2f} nats, far above the {before:.2f} it started "
            f"from: the student is confidently wrong about the classes; it did not unlearn them"
        )
    classes, untrained = (
        entry.mean(name) for name in ("classes_predicted", "classes_predicted_initial")
    )
    if classes < DAMAGE_CLASSES * untrained:
        found.append(
            f"predictions collapsed: {classes:.1f} classes, while {_MODELS[entry.run.start]} "
            f"predicts {untrained:.1f}"
        )
    return found


def distils(entry: Columns, baseline: Columns) -> bool:
    """Whether the student learned from its teacher at all.

    It did if its final KL on fresh noise is nearer to the baseline's than to the untrained
    model's, as ratios. A diverged student did not.
    """
    logs = [
        np.log(run.values[metric])
        for run, metric in ((entry, "kl_fresh"), (baseline, "kl_fresh"), (entry, "kl_initial"))
    ]
    ours, best, untrained = (float(values.mean()) for values in logs)
    return ours < (best + untrained) / 2
