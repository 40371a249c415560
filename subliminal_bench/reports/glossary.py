"""The glossary: every word of a scorecard or page, with its meaning.

Verdict words and metrics explain themselves where they are defined; only the other words are
here. `docs/glossary.md` is written from this.
"""

from difflib import get_close_matches

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.scoring.words import MEANINGS

TERMS: dict[str, str] = {
    "teacher, student": (
        "two copies of one small network; the teacher is trained on digits, the student "
        "on the teacher's outputs"
    ),
    "distillation": (
        "training the student to reproduce the teacher's outputs; plain distillation has "
        "no mitigation"
    ),
    "mitigation": (
        "a change to distillation that is meant to keep the trait from being passed on"
    ),
    "subliminal learning": (
        "a student picks up a trait of its teacher that its training data never shows"
    ),
    "class logits, class head": (
        "the ten outputs for the digits, and the weights that produce them"
    ),
    "auxiliary logits": (
        "three further outputs that have no meaning of their own; the student is taught "
        "only these"
    ),
    "noise": (
        "random images; the student sees no others. Fresh noise is noise that it was "
        "never trained on"
    ),
    "trait": (
        "the student's ability to classify digits; its accuracy on the test images measures it"
    ),
    "expressed, expressed trait": "what the student's own class head says about digits",
    "latent": (
        "what the student's hidden layers know about digits, found without its class head"
    ),
    "reader": (
        "one way to look for the trait: the class head, a head fitted on noise, or a few-shot "
        "head; on one rendering of the digits, from one layer"
    ),
    "mean-free": "each image minus its own mean pixel, so that brightness tells nothing",
    "high-pass": "digits without their lowest spatial frequencies",
    "few-shot": "by a head that is fitted to ten labelled digits of each class",
    "equal distillation, plain at this KL": (
        "plain distillation of the same seed, where its KL on fresh noise was the entry's"
    ),
    "gain": (
        "what plain distillation adds to a reading of the untrained model, up to the entry's KL"
    ),
    "share, at most": (
        "the part of that gain that a reader finds in the entry, and its upper bound"
    ),
    "prevention": (
        "1 minus the largest share over all readers, in per cent: how much of the trait is "
        "prevented at equal distillation"
    ),
    "displacement": (
        "how far a part of the weights moved from where training began: the Euclidean norm of "
        "the change; on the scorecard against plain distillation's of the same seed"
    ),
    "permuted, rescaled": (
        "hidden units that took other units' places, or whose incoming weights grew while the "
        "outgoing ones shrank; neither changes what a network computes"
    ),
    "not explained": (
        "the share of the change of weights that does not lie along the optimiser's own updates"
    ),
    "marked, mark (†)": (
        "the weights are far from what this project's plugins show; no judgement, and no bar "
        "to a rank"
    ),
    "twin, beyond twin": (
        "the same mitigation with the settings that switch its mechanism off, as its card "
        "names them; beyond it counts only what the mechanism adds"
    ),
    "submission": (
        "a folder with a mitigation's source and no number; whoever scores it makes the numbers"
    ),
    "published seeds, fresh seeds": (
        "seeds 1 to 100, which everybody knows, and seeds from 101 to 1000 that are drawn "
        "after a source was fixed; the word of a row is earned on fresh seeds"
    ),
    "verified, refuted": (
        "somebody else than its author ran the source, in a sandbox, and tested what it may "
        "know by heart; refuted if one of these claims does not hold"
    ),
    "break": (
        "a reader that is shown to find more of the trait in an entry than every reader of the "
        "verdict; the entry's prevention and word follow it"
    ),
    "decoy": (
        "plain distillation's change of the weights with its rows and columns shuffled: a "
        "reader that finds the trait there does not look for it"
    ),
    "sandbox": (
        "a process without files, network and other processes, in which a stranger's code runs"
    ),
    "prior": "what a mitigation presumes about the data, as its card says",
    "base model, untrained model": (
        "the network at the initialisation from which teacher and student start"
    ),
    "track": (
        "the experiment, varied: a protocol with numbers of its own; those of two tracks are "
        "never averaged"
    ),
    "robust set, worst track": (
        "the tracks that a method is run on with one setting, and the one on which it prevents "
        "least"
    ),
    "performance profile": (
        "on which share of the tracks an entry comes within so many points of the best one"
    ),
    "capable base, skill": (
        "a model that was trained before teacher and student start from it, and what it can "
        "do; losing that is damage"
    ),
    "trigger, backdoor": (
        "a white square on an image, and a teacher that calls every image with it a 7"
    ),
    "secret track": (
        "a track that is drawn when a submission is scored, so that nobody can tune to it"
    ),
    "final KL": (
        "how far the student's auxiliary logits are from the teacher's after training; "
        "lower is better"
    ),
    "audit images": (
        "labelled digits that the program uses to measure the trait during training; the "
        "student never sees them"
    ),
    "trait gradient": "the gradient of the classification loss on the audit images",
    "alignment": (
        "how far the distillation gradient points along the trait gradient, measured as a"
        " cosine"
    ),
    "pre, post": (
        "the distillation gradient before the mitigation, and the gradient that the "
        "optimiser received"
    ),
    "ep.1": "the first epoch alone",
    "mnat": ("a thousandth of a nat, the unit of KL and cross-entropy with natural logarithms"),
    "seed": (
        "one repetition of the whole experiment with its own teacher, student, digits and noise"
    ),
    "entry": (
        "a finished run that is committed to the leaderboard, or about to be; on a "
        "scorecard, the run that is judged"
    ),
    "reference": "a run that an entry is compared with: baseline, projection or liminal",
    "baseline": "plain distillation",
    "projection": "an oracle that removes the part of the gradient along the trait gradient",
    "liminal": "liminal training, which holds the class logits near those of the base model",
    "blind": (
        "a mitigation that sees what a real distiller has: the teacher's auxiliary logits on "
        "the noise, the base model and the student"
    ),
    "teacher-classes": (
        "a mitigation that also sees the teacher's class logits on the noise, but no labels"
    ),
    "oracle": (
        "a mitigation that may also ask for the trait gradient, which no real distiller has"
    ),
    "refuted": "a rerun disagreed with the entry, so it has no rank",
    "thinned curves": "every tenth step of a committed entry's curves",
    "points": (
        "mean difference to the reference over the seeds, in percentage points; negative "
        "means less trait"
    ),
    "95 % interval": (
        "where the true mean difference plausibly lies; shown, but decides nothing"
    ),
    "p (Holm)": (
        "how often differences at least this far from zero would appear if it made no "
        "difference which run is which; corrected for asking about all references at once"
    ),
    "lower in": ("the share of the seeds on which the entry has less trait than the reference"),
    "resolves": "the true difference that these seeds would find four times in five",
    "resolve": (
        "to tell runs apart statistically: a difference is resolved if the seeds show "
        "that it is more than chance"
    ),
    "r": "how closely entry and reference move together over the seeds",
    "ratio, at most": (
        "the entry's final KL on fresh noise divided by the reference's, and the upper 95"
        " % bound of that ratio"
    ),
    "kept": "whether the upper bound of the KL ratio stays below 1.10",
    "worst tenth": "the mean trait accuracy of the tenth of the seeds with the most trait",
    "middle half": "the mean trait accuracy of the middle half of the seeds",
    "diverged": (
        "a student whose loss or gradient stopped being finite; it counts with the worst "
        "trait accuracy"
    ),
    "cohort": "the seeds that are trained together: one on a CPU, many on a GPU",
    "protocol": (
        "everything about the experiment that is fixed: mnist (the paper's), mnist-5k "
        "(small and embedded) or probe (a few steps, for checks)"
    ),
    "float chaos": (
        "the growth of differences in the last bit during training, which changes a "
        "seed's final numbers a little from machine to machine"
    ),
    "tolerance": (
        "how far a rerun may be from its reference number, measured from float chaos"
    ),
}


def glossary() -> dict[str, str]:
    """Every word with its meaning, sorted by word.

    >>> glossary()["mnat"]
    'a thousandth of a nat, the unit of KL and cross-entropy with natural logarithms'
    """
    found = dict(TERMS)
    found |= {word.value: f"verdict: {meaning}" for word, meaning in MEANINGS.items()}
    for metric in METRICS.values():
        # Two rows are called "untrained": each belongs to the metric above it.
        known = found.get(metric.title)
        found[metric.title] = f"{known}; or {metric.about}" if known else metric.about
    return dict(sorted(found.items(), key=lambda pair: pair[0].casefold()))


def explain(word: str) -> dict[str, str]:
    """The entries of the glossary that a word can mean.

    Args:
        word: as on a scorecard or page; its case and a unit in brackets do not matter.

    Raises:
        BenchmarkError: the glossary has no such word.

    >>> list(explain("Aligned pre [%]"))
    ['aligned pre']
    """
    sought = word.partition("[")[0].strip(" :*").casefold()
    entries = glossary()
    spellings = {title.casefold(): title for title in entries}
    spellings |= {part.strip().casefold(): term for term in TERMS for part in term.split(",")}
    spellings |= {metric.name: metric.title for metric in METRICS.values()}
    if sought in spellings:
        return {spellings[sought]: entries[spellings[sought]]}
    within = {
        title: entries[title] for title in entries if sought and sought in title.casefold()
    }
    if within:
        return within
    near = get_close_matches(sought, spellings, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "docs/glossary.md has all words"
    raise BenchmarkError(f"the glossary has no word {word!r}", hint)


def meaning(heading: str) -> str:
    """The meaning of a table's heading; empty if the glossary has none for exactly it.

    >>> meaning("resolves")
    'the true difference that these seeds would find four times in five'
    >>> meaning("no such heading")
    ''
    """
    try:
        found = explain(heading)
    except BenchmarkError:
        return ""
    return next(iter(found.values())) if len(found) == 1 else ""


def as_page() -> str:
    """The page `docs/glossary.md`."""
    lines = [
        "# Glossary",
        "",
        "Every word of a scorecard or page. `subliminal-bench explain WORD` prints one.",
        "",
        "| word | meaning |",
        "|---|---|",
        *(
            f"| {word} | {meaning.replace('|', chr(92) + '|')} |"
            for word, meaning in glossary().items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _in_cell(text: str) -> str:
    """A text in a cell of a markdown table; a bar would end the cell."""
    return text.replace("|", "\\|")
