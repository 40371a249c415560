"""The words of a verdict, and what each means. `docs/verdict.md` has the same sentences."""

from enum import Enum


class VerdictWord(Enum):
    """The effect of a mitigation, in the plan's words."""

    REMOVES = "removes"
    MITIGATES = "mitigates"
    ATTENUATES = "attenuates"
    HEAD_QUIETER = "head quieter, body not resolved"
    HIDES = "hides"
    SLOWS = "slows"
    NO_EFFECT = "no effect resolved"
    AMPLIFIES = "amplifies"
    NOT_DISTILLING = "suppresses by not distilling"
    DAMAGE = "suppresses by damage"
    TOO_FEW = "not resolvable"
    NOT_READ = "not read in the body"


MEANINGS: dict[VerdictWord, str] = {
    VerdictWord.REMOVES: "mitigates, and 50 seeds or more show that no reader finds a tenth of "
    "what plain distillation has at the same KL",
    VerdictWord.MITIGATES: "every reader finds less of the trait than in plain distillation "
    "at the same KL, by more than a tenth; distillation kept, nothing broken",
    VerdictWord.ATTENUATES: "every reader finds less of the trait than in plain distillation "
    "at the same KL, but distillation is not shown to be kept within ×1.10",
    VerdictWord.HEAD_QUIETER: "the class head expresses less than plain distillation's at the "
    "same KL, and the seeds do not show what the body has learned",
    VerdictWord.HIDES: "the class head is quiet, but a reader of the body finds at least half "
    "of what plain distillation has at the same KL",
    VerdictWord.SLOWS: "less trait than the baseline only because less was distilled: plain "
    "distillation has no more at the same KL",
    VerdictWord.NO_EFFECT: "these seeds cannot tell the entry from plain distillation at the "
    "same KL",
    VerdictWord.AMPLIFIES: "more trait than plain distillation at the same KL, by more than a "
    "tenth",
    VerdictWord.NOT_DISTILLING: "trait lower because the student hardly learned: its final KL "
    "is nearer to the untrained model's than to the baseline's, as ratios",
    VerdictWord.DAMAGE: "trait lower only because something broke: a reader finds clearly less "
    "than in the untrained model, or the class head collapsed",
    VerdictWord.TOO_FEW: "too few seeds to show anything: it takes 6",
    VerdictWord.NOT_READ: "the run, or its baseline, is from a version that did not look at "
    "the body: run it again",
}
