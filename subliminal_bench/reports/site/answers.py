"""The four questions of somebody who has five minutes, answered from the files."""

from dataclasses import dataclass

from subliminal_bench.reports import short
from subliminal_bench.reports.row_words import row_word
from subliminal_bench.reports.site.command import RunCommand, run_command
from subliminal_bench.reports.site.material import Material
from subliminal_bench.scoring.ranking import RankedEntry
from subliminal_bench.scoring.verdict import PREVENTING
from subliminal_bench.scoring.words import MEANINGS

_WAITING = "There is no ranked entry yet."


@dataclass(frozen=True)
class Answer:
    """A question and its answer.

    Attributes:
        question: as somebody would ask it.
        short: the answer in a few words.
        sentences: what stands behind it.
        links: where more is said: text and address.
        command: to type; None if there is none.
    """

    question: str
    short: str
    sentences: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    command: RunCommand | None = None


def answers(material: Material) -> list[Answer]:
    """The answers, from what is committed."""
    best = next(iter(material.blind), None)
    return [
        _best(best),
        _elsewhere(best, material),
        _believable(material),
        _tried(best, material),
    ]


def _best(best: RankedEntry | None) -> Answer:
    question = "What is the best blind method?"
    if best is None:
        return Answer(question, "None yet", (_WAITING,))
    label, word = best.run.mitigation.label, row_word(best)
    prevents = best.word in PREVENTING
    said = [f"Its word is “{word}”: {MEANINGS[best.word]}."]
    if not prevents:
        said.insert(0, f"First in rank stands {label}.")
    verdict = best.card.verdict
    found = verdict.prevention if verdict else None
    if found is not None and best.prevention is not None:
        said.append(
            f"Prevention: {short.percent(best.prevention)} (95 %: {short.interval(found)}). "
            "Nothing of the trait would be 100 %; as much as in plain distillation that has "
            "distilled as far is 0 %, and below zero is more."
        )
    if best.tied:
        said.append("Others share its rank: their seeds do not tell them apart.")
    links = ((f"All about {label}", f"entries/{best.run.mitigation.file_stem}.html"),)
    return Answer(
        question, label if prevents else "None prevents the trait yet", tuple(said), links
    )


def _elsewhere(best: RankedEntry | None, material: Material) -> Answer:
    question = "Does it hold elsewhere?"
    if best is None:
        return Answer(question, "Nothing to hold yet", (_WAITING,))
    said = []
    published = best.card.verdict
    fresh = best.standing.fresh if best.standing else None
    if fresh and fresh.verdict and published:
        same = fresh.verdict.word is published.word
        said.append(
            f"On {len(fresh.seeds)} fresh seeds, drawn after its source was fixed: "
            + ("the same word." if same else f"“{fresh.verdict.text}”.")
        )
    others = material.elsewhere(best.run)
    words: dict[str, list[str]] = {}
    for track, card in others:
        word = card.verdict.text if card.verdict else "reference"
        words.setdefault(word, []).append(track.protocol.name)
    said += [f"On {', '.join(names)}: “{word}”." for word, names in words.items()]
    prior = best.run.mitigation.prior
    if prior:
        said.append(f"It presumes something about the data: {prior}.")
    if not others:
        said.append("No other experiment has committed results of it.")
    links = tuple(
        (f"Experiment {track.protocol.name}", f"tracks/{track.protocol.name}.html")
        for track in material.tracks
    )
    if best.word not in PREVENTING:
        short_answer = "There is nothing yet to hold"
    else:
        short_answer = "Seen elsewhere too" if others else "Not known yet"
    return Answer(question, short_answer, tuple(said), links)


def _believable(material: Material) -> Answer:
    rows = material.rows
    refuted = sum(row.is_refuted for row in rows)
    verified = sum(not row.hindrance for row in rows)
    broken = sum(row.broken is not None for row in rows)
    waiting = len(rows) - verified - refuted
    said = (
        "A rank is earned by a source, not by its author's numbers: others run it on seeds "
        "that are drawn after it was fixed.",
        f"{refuted} refuted; {waiting} not verified, without a rank.",
        "No reader is known that finds more than the verdict's own."
        if not broken
        else f"In {broken}, a reader by somebody else finds more; their rows say so.",
        "A reader that finds nothing proves nothing.",
    )
    links = (
        ("How a row is earned", "docs/verification.html"),
        ("What each word means", "docs/verdict.html"),
        ("Who attacks, and what stands there", "docs/threat-model.html"),
    )
    return Answer(
        "Can I believe it?",
        f"{verified} of {len(rows)} entries were verified",
        said,
        links,
    )


def _tried(best: RankedEntry | None, material: Material) -> Answer:
    command = run_command(best.card, material) if best else None
    links = (
        ("Install it first", "docs/quick-start.html"),
        ("Submit yours", "docs/submit-yours.html"),
    )
    return Answer("How do I try it?", "One command", (), links, command)
