"""The claims of an entry that its file alone can refute, without running anything."""

from collections.abc import Iterator
from dataclasses import dataclass

from subliminal_bench.experiment.metrics import EVERY_METRIC, When, Whole
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import Access, hidden_from
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, Run
from subliminal_bench.results.tolerances import Tolerances


@dataclass(frozen=True)
class Claim:
    """A claim of an entry, and whether it holds.

    Attributes:
        about: the subject of the claim.
        holds: whether it holds.
        text: the evidence.
    """

    about: str
    holds: bool
    text: str

    @property
    def line(self) -> str:
        """The claim as it is printed.

        >>> Claim("protocol", True, "mnist-v1").line
        'holds:   protocol: mnist-v1'
        """
        return f"{'holds:  ' if self.holds else 'refuted:'} {self.about}: {self.text}"


def file_claims(
    run: Run,
    protocol: Protocol,
    mitigation: MitigationRecord,
    starts_elsewhere: bool,
    baseline: Run | None,
    tolerances: Tolerances,
) -> Iterator[Claim]:
    """All claims that the file alone can refute.

    Args:
        run: the entry.
        protocol: its current version.
        mitigation: the record of the mitigation's current file.
        starts_elsewhere: whether the mitigation has a hook `start`.
        baseline: the protocol's committed baseline, if there is one.
        tolerances: of the protocol.
    """
    yield _protocol(run, protocol)
    yield _source(run, mitigation)
    yield _countable(run, protocol)
    yield _each_seed_its_own(run)
    if baseline is not None:
        yield _before_training(run, baseline, starts_elsewhere, tolerances)


def blind_claim(access: Access, seed: int, shown: bool) -> Claim:
    """Whether what an access level hides does not change a student.

    Args:
        access: of the mitigation.
        seed: of the student.
        shown: whether the student stayed the same to the bit.
    """
    what = "do not change" if shown else "change"
    return Claim("blind", shown, f"other {hidden_from(access)} {what} seed {seed}")


def _protocol(run: Run, protocol: Protocol) -> Claim:
    now = ProtocolRecord.of(protocol)
    if run.protocol == now:
        return Claim("protocol", True, now.label)
    text = f"the entry has {run.protocol.label}, this program has {now.label}"
    if run.protocol.label == now.label:
        text = f"its {now.label} has a different fingerprint from this program's"
    return Claim("protocol", False, text)


def _source(run: Run, mitigation: MitigationRecord) -> Claim:
    claimed = run.mitigation
    for name, then, now in (
        ("source", claimed.source_sha256[:12], mitigation.source_sha256[:12]),
        ("access", claimed.access, mitigation.access),
        ("object", claimed.attribute, mitigation.attribute),
        ("parameters", claimed.settings, mitigation.settings),
        ("name", claimed.name, mitigation.name),
    ):
        if then != now:
            text = f"its {name} was {then or 'none'}, but the mitigation's is {now or 'none'}"
            return Claim("mitigation", False, text)
    return Claim("mitigation", True, f"source {claimed.source_sha256[:12]}, unchanged")


def _countable(run: Run, protocol: Protocol) -> Claim:
    """Accuracies must be shares of the images, and fractions shares of the steps."""
    wholes: dict[Whole, int] = {
        "test images": protocol.trait_task.test_images,
        "skill's test images": protocol.skill.test_images if protocol.skill else 0,
        "steps": protocol.student_steps,
        "steps of the first epoch": protocol.student_steps_per_epoch,
    }
    for name, metric in EVERY_METRIC.items():
        if metric.share_of is None or name not in run.seeds[0].metrics:
            continue
        whole = wholes[metric.share_of]
        wrong = [one.seed for one in run.seeds if _is_no_share(one.metrics[name], whole)]
        if wrong:
            shares = f"{whole} {metric.share_of}"
            text = f"{name} of {seeds_phrase(wrong)} is not a share of {shares}"
            return Claim("shares", False, text)
    text = f"whole numbers of {wholes['test images']} images and {protocol.student_steps} steps"
    return Claim("shares", True, text)


def _is_no_share(value: float | None, whole: int) -> bool:
    return value is not None and abs(value * whole - round(value * whole)) > 1e-6 * whole


def _each_seed_its_own(run: Run) -> Claim:
    """Two seeds have nothing in common, so no two may have exactly the same loss."""
    first: dict[float, int] = {}
    for one in run.seeds:
        loss = one.metrics["trait_loss_initial"]
        if loss is None:
            continue
        if loss in first:
            text = f"{seeds_phrase([first[loss], one.seed])} start with the same trait loss"
            return Claim("seeds", False, text)
        first[loss] = one.seed
    return Claim("seeds", True, f"{seeds_phrase(run.seed_numbers)} differ from one another")


def _before_training(
    run: Run, baseline: Run, starts_elsewhere: bool, tolerances: Tolerances
) -> Claim:
    """Measurements before the first step depend only on the seed, not on the mitigation.

    A hook `start` changes those of the student, and nothing changes the others.
    """
    fixed: set[When] = {"without the student"}
    if not starts_elsewhere:
        fixed.add("before the first step")
    known = {one.seed: one.metrics for one in baseline.seeds}
    for name in (name for name in run.measured if EVERY_METRIC[name].when in fixed):
        pairs = [
            (one.seed, one.metrics.get(name), known.get(one.seed, {}).get(name))
            for one in run.seeds
        ]
        wrong = [
            seed
            for seed, ours, theirs in pairs
            if ours is not None
            and theirs is not None
            and abs(ours - theirs) > tolerances.single(BASELINE, name, theirs)
        ]
        if wrong:
            text = f"{name} of {seeds_phrase(wrong)} differs from the baseline's same seed"
            return Claim("before training", False, text)
    shared = [one.seed for one in run.seeds if one.seed in known]
    if not shared:
        return Claim("before training", True, "no committed baseline of these seeds to compare")
    return Claim("before training", True, f"{seeds_phrase(shared)} start like the baseline's")
