"""A study as text: its trials, the setting that it recommends, and how far to trust that."""

from collections import Counter

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds, seeds_phrase
from subliminal_bench.reports import short
from subliminal_bench.reports.text import captured
from subliminal_bench.running.study.findings import Findings, Trial
from subliminal_bench.scoring.recommendation import keeps_kl, prevention_of
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import SHARE_MARGIN, Prevention

# A table of more rows leaves the first ones out of sight.
_MOST_ROWS = 25
# A lower bound below minus this shows nothing.
_NOTHING = 9.99


def study_text(findings: Findings, command: str = "") -> str:
    """The study for a terminal of 80 columns, without colours.

    Args:
        findings: of the study.
        command: that scores the best setting on the seeds that rank.
    """
    return captured(study_view(findings, command))


def study_view(findings: Findings, command: str = "") -> RenderableType:
    """The study for a terminal; see `study_text`."""
    record = findings.record
    title = (
        f"study of {record.mitigation.label} · {record.protocol.label} · "
        f"{seeds_phrase(record.seeds)} · {len(findings.trials)} trials"
    )
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for name, said in conclusions(findings, command):
        facts.add_row(Text(name), Text(said, style="bold" if name == "recommended" else ""))
    return Group(Text(title, style="bold"), _table(findings), *_left_out(findings), facts)


def conclusions(findings: Findings, command: str = "") -> list[tuple[str, str]]:
    """What follows from the trials: a name and a sentence each."""
    space = " ".join(f"{name}={one}" for name, one in findings.record.space.items())
    found = [("space", space), ("recommended", _recommended(findings))]
    best = findings.best
    if best is None or best.card is None:
        return found
    found.append(("tuning", f"{_said(best.card)}, which chose it"))
    if findings.check:
        found.append(("fresh seeds", f"{_said(findings.check)}, which chose nothing"))
        ours, theirs = prevention_of(best.card), prevention_of(findings.check)
        if ours and theirs:
            lost = 100 * (ours.estimate - theirs.estimate)
            found.append(("optimism", f"{lost:.0f} points of prevention"))
    if command:
        found.append(("score it", command))
    return found


def _recommended(findings: Findings) -> str:
    best = findings.best
    if best is None or best.card is None:
        kept = any(map(keeps_kl, findings.complete.values()))
        why = "of those that keep the final KL has a prevention that can be told"
        return f"none: no setting {why if kept else 'that was tried keeps the final KL'}"
    found = prevention_of(best.card)
    assert found, "the best one has a prevention"
    about = f"#{best.number}, {settings_text(best)}"
    if findings.recommended:
        return f"{about}: prevents at least {least(found)} and keeps the final KL"
    return (
        f"none: the best that keeps the final KL is {about}; its prevention is {least(found)} "
        f"at least, and only more than {short.percent(SHARE_MARGIN)} counts"
    )


def _said(card: Scorecard) -> str:
    """What a run prevents at which KL, and on which seeds."""
    found, kept = prevention_of(card), card.distillation
    prevention = (
        f"prevention {short.percent(found.estimate)} ({short.interval(found)})"
        if found
        else "no prevention can be told"
    )
    ratio = f"final KL x{kept.ratio:.3f}" if kept else "a student diverged"
    return f"{prevention}, {ratio} on seeds {describe_seeds(card.seeds)}"


def settings_text(trial: Trial) -> str:
    """A trial's settings in one line."""
    return " ".join(f"{name}={value}" for name, value in trial.settings.items())


def _table(findings: Findings) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("settings", overflow="fold")
    for heading in ("prevention", "at least", "KL"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("kept", no_wrap=True)
    for heading in ("expr.", "latent"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trial in sorted(findings.trials, key=_order)[:_MOST_ROWS]:
        table.add_row(*map(Text, _cells(findings, trial)))
    return table


def _order(trial: Trial) -> tuple[object, ...]:
    """Complete trials first, those that keep the KL before the others, the best first."""
    found = prevention_of(trial.card) if trial.card else None
    states = ("complete", "pruned", "running", "failed")
    kept = trial.card is not None and keeps_kl(trial.card)
    return states.index(trial.state), not kept, -found.low if found else 9.0, trial.number


def _cells(findings: Findings, trial: Trial) -> list[str]:
    front = "+" if trial.number in findings.front else " "
    cells = [f"{trial.number}{front}", settings_text(trial)]
    if trial.card is None:
        return [*cells, "–", "–", "–", trial.state, "–", "–"]
    found, kept = prevention_of(trial.card), trial.card.distillation
    ours = trial.card.columns[0]
    state = "yes" if keeps_kl(trial.card) else "no"
    return [
        *cells,
        short.percent(found.estimate) if found else "–",
        # The first seeds of a pruned trial show no bound.
        least(found) if found and trial.is_complete else "–",
        f"x{kept.ratio:.2f}" if kept else "–",
        state if trial.is_complete else trial.state,
        METRICS[EXPRESSED].show(ours.mean(EXPRESSED)),
        METRICS[LATENT].show(ours.mean(LATENT)),
    ]


def least(found: Prevention) -> str:
    """The lower bound of a prevention, in per cent.

    >>> least(Prevention(0.3, 0.1, 0.5, "latent_accuracy", True))
    '10 %'
    """
    return short.percent(found.low) if found.low > -_NOTHING else "nothing"


def _left_out(findings: Findings) -> list[Text]:
    """Rows that are not shown, and why trials were pruned or failed."""
    lines = [Text("+ no other trial has both more prevention and less KL")]
    hidden = len(findings.trials) - _MOST_ROWS
    if hidden > 0:
        lines.append(Text(f"and {hidden} more, which the log has"))
    reasons = Counter(
        (one.state, _reason(one)) for one in findings.trials if one.outcome and one.outcome.why
    )
    lines += [
        Text(f"{count} {state}: {reason}") for (state, reason), count in reasons.most_common()
    ]
    return [*lines, Text("")]


def _reason(trial: Trial) -> str:
    """Why it was pruned or failed, without what differs from trial to trial."""
    why = trial.outcome.why if trial.outcome else ""
    if trial.state == "pruned" and why.startswith("final KL"):
        return "final KL far from kept on the first seeds"
    return why
