"""The tables of scorecards and runs, cell by cell, for every page that shows them."""

from dataclasses import dataclass

from subliminal_bench.experiment.metrics import EVERY_METRIC, METRICS, Metric
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.mitigation.card import sees_labels
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.comparison import Comparison, show_interval, show_p
from subliminal_bench.scoring.equal_distillation import EqualDistillation
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.weight_marks import WeightMarks, times

_POINTS = METRICS["trait_accuracy"]
_ABSENT = "—"


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first column names the row."""

    headings: list[str]
    rows: list[list[str]]

    def within(self, width: int) -> "list[Table]":
        """The same columns in tables that fit into a width, each with the first column.

        Args:
            width: in characters; columns are one space apart. A column that does not fit by
                itself gets its own table.

        >>> found = Table(["", "a", "b"], [["x", "1234", "5678"]]).within(8)
        >>> [one.headings for one in found]
        [['', 'a'], ['', 'b']]
        """
        columns = list(zip(self.headings, *self.rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        groups: list[list[int]] = []
        used = width
        for place in range(1, len(columns)):
            if used + 1 + widths[place] > width:
                groups.append([0])
                used = widths[0]
            groups[-1].append(place)
            used += 1 + widths[place]
        return [
            Table(
                [self.headings[place] for place in group],
                [[row[place] for place in group] for row in self.rows],
            )
            for group in groups
        ]


def title(card: Scorecard) -> str:
    """The compared runs, the protocol and the seeds."""
    seeds = f"seeds {describe_seeds(card.seeds)} (n = {len(card.seeds)})"
    mitigation = card.entry.mitigation
    what = f"{mitigation.label}, {mitigation.access}" if _is_scored(card) else "side by side"
    return f"{what} · {card.protocol.label} · {seeds}"


def metrics(card: Scorecard) -> Table:
    """Every metric of every run, one row per metric."""
    names = card.columns[0].run.measured
    rows = [
        [
            _indented(EVERY_METRIC[name]).replace("untrained", card.entry.start),
            *(summary.show(EVERY_METRIC[name]) for summary in card.summaries(name)),
        ]
        for name in names
    ]
    hidden = [
        [f"  {heading} [%]", *(_POINTS.show(value) for value in values)]
        for heading, values in tails(card).items()
    ]
    after = names.index(_POINTS.name) + 1
    return Table(["mean ± SD over seeds", *card.names], rows[:after] + hidden + rows[after:])


def _indented(metric: Metric) -> str:
    """The heading of a metric's row: a detail of the row above it is indented."""
    return f"{'  ' if metric.part_of_above else ''}{metric.heading}"


def tails(card: Scorecard) -> dict[str, list[float]]:
    """The parts of every run's trait accuracy that the mean hides."""
    return {"middle half": card.middle_halves(), "worst tenth": card.worst_tenths()}


def comparisons(card: Scorecard) -> list[Table]:
    """The tables on trait and on distillation, one row per comparison."""
    if not card.comparisons:
        return []
    scored = _is_scored(card)

    def first(one: Comparison) -> str:
        return one.reference if scored else f"{one.entry} - {one.reference}"

    suffix = " against" if scored else ""
    return [
        Table(
            [
                f"trait accuracy{suffix}",
                *("points", "95 % interval", "p (Holm)", "lower in", "resolves", "r"),
            ],
            [[first(one), *_trait_cells(one)] for one in card.comparisons],
        ),
        Table(
            [f"final KL, fresh noise{suffix}", "ratio", "at most", "kept", "training KL ratio"],
            [[first(one), *_distillation_cells(one)] for one in card.comparisons],
        ),
    ]


def _is_scored(card: Scorecard) -> bool:
    """Whether one run is compared with the others, rather than all with all."""
    return all(one.entry == card.names[0] for one in card.comparisons)


def _trait_cells(comparison: Comparison) -> list[str]:
    trait = comparison.trait
    smallest = comparison.resolves
    return [
        _POINTS.show(trait.mean, signed=True),
        show_interval(trait),
        show_p(comparison.adjusted_p) if comparison.resolvable else "too few",
        f"{100 * comparison.lower_in:.0f} %",
        _ABSENT if smallest is None else _POINTS.show(smallest),
        _ABSENT if trait.correlation is None else f"{trait.correlation:.3f}",
    ]


def _distillation_cells(comparison: Comparison) -> list[str]:
    kept, training = comparison.distillation, comparison.training_ratio
    if kept is None or training is None:
        return [_ABSENT, _ABSENT, "diverged", _ABSENT]
    return [
        f"{kept.ratio:.3f}",
        _ABSENT if kept.high is None else f"{kept.high:.3f}",
        kept.verdict,
        f"{training:.3f}",
    ]


def readers(equal: EqualDistillation, start: str) -> Table:
    """Every reader at equal distillation, one row each.

    A share is what it finds of plain distillation's gain at the entry's KL.

    Args:
        equal: the readers.
        start: what students start from, in a word.
    """
    has_twin = equal.fit.beyond_twin is not None
    headings = ["reader [%]", "student", "plain at this KL", start, "share", "at most"]
    rows = []
    for share in (*equal.shares, equal.fit):
        one, metric = share.readings, METRICS[share.name]
        values = (one.entry, one.plain, one.untrained)
        rows.append(
            [
                metric.title,
                *(metric.show(float(value.mean())) for value in values),
                _share(share.path),
                _share(share.bound(0.975)),
                *([_share(share.beyond_twin)] if share.beyond_twin is not None else []),
            ]
        )
    return Table([*headings, *(["beyond twin"] if has_twin else [])], rows)


def weights(found: WeightMarks) -> str:
    """What was done to the weights, in one line."""
    if found.moved:
        of = "displacement against plain distillation's"
        shown = {name: f"x{ratio:.2f}" for name, ratio in found.moved.items()}
        still = [name for name in PARTS if name not in shown]
    else:
        of = "displacement (plain distillation's own is not recorded)"
        shown, still = {}, list(PARTS)
    shown |= {name: f"{_part(found.of_size[name])} of its size" for name in still}
    moved = ", ".join(f"{PARTS[name]} {shown[name]}" for name in PARTS)
    layers = [
        f"{PARTS[name]} {_part(found.exchanged[name])} and x{found.rescaled[name]:.2f} (at "
        f"most x{found.rescaled_most[name]:.2f})"
        for name in HIDDEN
    ]
    said = [f"{of}: {moved}", f"units permuted and rescaled: {', '.join(layers)}"]
    hooks = {
        "changed by hooks at each step": found.hook_updates,
        "at the end": found.finish,
        "not explained by the optimiser's updates": found.unexplained,
    }
    said.append(
        ", ".join(
            f"{what} {'unknown' if share is None else _part(share)}"
            for what, share in hooks.items()
        )
    )
    return f"Weights: {'; '.join(said)}"


def _part(share: float) -> str:
    return f"{100 * share:.0f} %" if share < 100 else f"x{times(share)}"


def _share(share: float) -> str:
    return f"{100 * share:.0f} %" if abs(share) < 9.99 else _ABSENT


def blindness_of(run: Run) -> str:
    """Whether its mitigation was shown to be blind to all that its access does not show."""
    if sees_labels(run.mitigation.access):
        return "not declared"
    found = run.blindness
    if found is None:
        return "not shown"
    return f"{'shown' if found.shown else 'refuted'}, seed {found.seed}"


def process_of(run: Run) -> str:
    """Whether its mitigation was isolated from the trainer's process."""
    return run.isolation.text if run.isolation else "in the trainer's process"


def commit_of(run: Run) -> str:
    """The commit of the checkout that it ran from."""
    environment = run.environment
    if environment.commit is None:
        return "installed"
    return environment.commit[:10] + (" (changed)" if environment.dirty else "")
