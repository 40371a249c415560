"""An ablation: each part of a composition and each mechanism of a card, switched off in turn.

Nothing is written down but the runs, which the store keeps: an ablation that is run again takes
what is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.card import Value
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.running.study.lasting_engine import LastingEngine
from subliminal_bench.running.study.study import Study, tuning_seeds
from subliminal_bench.running.study.trial import Candidate
from subliminal_bench.running.whole_watcher import WholeWatcher
from subliminal_bench.scoring.scorecard import Scorecard

WHOLE = "all of it"


@dataclass(frozen=True)
class Ablated:
    """A mitigation with something switched off.

    Attributes:
        name: what is switched off, in words; `all of it` for the mitigation itself.
        card: its scorecard against plain distillation.
    """

    name: str
    card: Scorecard


def run_ablation(study: Study, watcher: Watcher = SILENT) -> list[Ablated]:
    """Run a mitigation, and again without each of its parts and mechanisms.

    Twins are left out: the variant without all mechanisms is one.

    Args:
        study: whose conditions, settings and seeds hold; its space and trials do not.
        watcher: receives the progress.

    Raises:
        MitigationError: it has no part or mechanism that can be switched off.
        BenchmarkError: see `Bench.run`.
    """
    seeds = tuning_seeds(study.seeds, study.setup.chosen_protocol)
    variants = list(_variants(study))
    whole = WholeWatcher(watcher)
    found = []
    with study.setup.bench(whole) as bench, LastingEngine(bench.engine) as engine:
        lasting = replace(bench, engine=engine)
        whole.parts(len(variants), 0)
        for name, mitigation in variants:
            whole.begin(name)
            found.append(Ablated(name, Candidate(mitigation).score(lasting, seeds)))
    return found


def mechanisms(mitigation: Mitigation) -> dict[str, Value]:
    """The settings that switch something off, by name: what cards declare, and their twins.

    Those that are off already are left out.

    >>> from subliminal_bench.mitigation.mitigation import load_mitigation
    >>> mechanisms(load_mitigation("stroke_anchor"))
    {'weight': 0.0, 'noise_weight': 0.0}
    """
    twins = dict(one.split("=", 1) for one in mitigation.twin_settings)
    found: dict[str, Value] = {}
    for name, one in mitigation.parameters.items():
        written = next(
            (text for full, text in twins.items() if full.endswith(f".{name}") or full == name),
            None,
        )
        off = one.off if written is None else one.read(written)
        if off is not None and off != mitigation.settings[name]:
            found[name] = off
    return found


def _variants(study: Study) -> Iterator[tuple[str, Mitigation]]:
    """The mitigation, and what is left of it without each part and mechanism."""
    whole = study.setup.load(study.mitigation, study.settings)
    off = mechanisms(whole)
    parts = whole.plugins if len(whole.plugins) > 1 else ()
    if not parts and not off:
        raise MitigationError(
            f"{whole.name} has nothing to switch off",
            "join mitigations by +, or declare a Parameter's off, or a twin, on the card",
        )
    if parts and study.setup.isolate:
        raise MitigationError("the parts of an isolated mitigation cannot be taken apart")
    yield WHOLE, whole
    for one in parts:
        left = tuple(other for other in parts if other is not one)
        yield f"without {one.card.name}", Mitigation(left, whole.undone, whole.untold)
    settings = [f"{name}={value}" for name, value in off.items()]
    for text in settings:
        yield text, study.setup.load(study.mitigation, [*study.settings, text])
    if len(settings) > 1:
        every = [*study.settings, *settings]
        yield ", ".join(settings), study.setup.load(study.mitigation, every)
