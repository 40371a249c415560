"""The scorecards of a pytest run: each is made once, for any number of tests and workers."""

import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from subliminal_bench.errors import BenchmarkError, MitigationError, OptionSpelling
from subliminal_bench.mitigation.card import written_settings
from subliminal_bench.printable import brief, printable

if TYPE_CHECKING:
    from subliminal_bench.mitigation.mitigation import Mitigation
    from subliminal_bench.running.setup import Scoring, Setup
    from subliminal_bench.scoring.scorecard import Scorecard
    from subliminal_bench.verification.regression import Finding

# How advice is spelled in a pytest run.
SPELLING = OptionSpelling("--subliminal-")
DEFAULT_SEEDS = "1-10"
_CHOOSE = ("mitigation", "protocol", "seeds", "settings")
# Each bound's highest value, and what it is.
_BOUNDS = {
    "max_trait_accuracy": (1.0, "a fraction, from 0 to 1: write 0.35 for 35 %"),
    "max_latent_accuracy": (1.0, "a fraction, from 0 to 1: write 0.35 for 35 %"),
    "min_prevention": (1.0, "a fraction, from 0 to 1: write 0.2 for 20 %"),
    "max_kl_ratio": (math.inf, "a ratio to plain distillation's KL, such as 1.1"),
}

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "mitigation": ((str, PathLike), "a name or a file"),
    "protocol": ((str,), "a name"),
    "seeds": ((str, int), "text such as '1-10', or a seed"),
}


@dataclass(frozen=True)
class Wanted:
    """The choices that identify a scorecard."""

    mitigation: str
    protocol: str
    seeds: str
    settings: tuple[str, ...]


class Scorecards:
    """The scorecards of one pytest run.

    Args:
        config: pytest's; its `--subliminal-*` options decide what markers leave open.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cards: dict[Wanted, Scorecard | str] = {}
        # Printed in the summary, by title; a worker sends its texts to the main process.
        self.texts: dict[str, str] = {}

    def wanted(self, item: pytest.Item) -> Wanted:
        """The scorecard that a test needs, by its marker, else by the command line.

        A file that its marker names is looked for beside the test, then as on the command line.
        """
        marker = item.get_closest_marker("subliminal")
        chosen: dict[str, Any] = dict(marker.kwargs) if marker else {}
        option = self._config.getoption
        mitigation = chosen.get("mitigation")
        if mitigation:
            mitigation = _beside(item.path, str(mitigation))
        mitigation = mitigation or option("--subliminal-mitigation")
        if not mitigation:
            pytest.fail(
                "no mitigation: name it in @pytest.mark.subliminal(mitigation=...) or with "
                "--subliminal-mitigation",
                pytrace=False,
            )
        settings = chosen.get("settings")
        return Wanted(
            mitigation=str(mitigation),
            protocol=str(chosen.get("protocol") or option("--subliminal-protocol")),
            seeds=str(chosen.get("seeds") or option("--subliminal-seeds") or DEFAULT_SEEDS),
            settings=tuple(
                option("--subliminal-set") if settings is None else written_settings(settings)
            ),
        )

    def of(self, wanted: Wanted) -> "Scorecard":
        """The scorecard, run now if necessary; a user's mistake fails the test."""
        if wanted not in self._cards:
            try:
                self._cards[wanted] = self._run(wanted)
            except BenchmarkError as error:
                self._cards[wanted] = error.line(SPELLING)
        found = self._cards[wanted]
        if isinstance(found, str):
            pytest.fail(found, pytrace=False)
        return found

    def load(self, wanted: Wanted) -> "Mitigation":
        """The mitigation that is scored; a user's mistake fails the test."""
        try:
            return self._scoring(wanted).load().mitigation
        except BenchmarkError as error:
            pytest.fail(error.line(SPELLING), pytrace=False)

    def _scoring(self, wanted: Wanted) -> "Scoring":
        from subliminal_bench.running.setup import Scoring

        return Scoring(
            setup=setup_of(self._config, wanted.protocol),
            mitigation=wanted.mitigation,
            seeds=wanted.seeds,
            settings=wanted.settings,
            rerun_references=self._config.getoption("--subliminal-rerun-references"),
        )

    def _run(self, wanted: Wanted) -> "Scorecard":
        from subliminal_bench.reports import text
        from subliminal_bench.results.files import make_kept_folder
        from subliminal_bench.results.locks import Locks

        scoring = self._scoring(wanted)
        # One worker runs with all cores; the others wait, and find its seeds in the store.
        with Locks() as locks:
            root = scoring.setup.store.root
            make_kept_folder(root, root)
            locks.acquire(root, "tests", wait=True)
            card = scoring.load().run()
        self.texts[f"{wanted}"] = text.text(card, "terminal").rstrip()
        return card


def _beside(test: Path, mitigation: str) -> str:
    """The mitigation with each file that lies beside a test as a whole path."""
    from subliminal_bench.mitigation.loading import is_file

    parts = []
    for part in mitigation.split("+"):
        file, colon, attribute = part.partition(":")
        own = test.parent / file
        there = file.endswith(".py") and is_file(str(own))
        parts.append(f"{own}{colon}{attribute}" if there else part)
    return "+".join(parts)


def setup_of(config: pytest.Config, protocol: str) -> "Setup":
    """The set-up that the command line's options choose.

    Args:
        config: pytest's.
        protocol: its name, which a marker may also choose.
    """
    from subliminal_bench.results.store import Store, store_folder
    from subliminal_bench.running.setup import Setup

    option = config.getoption
    store, data_dir = option("--subliminal-store"), option("--subliminal-data-dir")
    return Setup(
        protocol=protocol,
        measure_every=option("--subliminal-measure-every"),
        device=option("--subliminal-device"),
        engine=option("--subliminal-engine"),
        store=Store(store_folder(Path(store) if store else None, config.rootpath)),
        data_dir=Path(data_dir) if data_dir else None,
        weights=not option("--subliminal-no-weights"),
        isolate=option("--subliminal-isolate"),
        isolate_timeout=option("--subliminal-isolate-timeout"),
        isolate_memory=option("--subliminal-isolate-memory"),
    )


class Regressions:
    """The references of one pytest run, rerun and compared with their committed numbers.

    Args:
        config: pytest's.
        folder: where the processes of this test run share their results.
    """

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._found: list[Finding] | str = []

    def of(self, entry: str) -> "list[Finding]":
        """An entry's outcomes; the first call reruns all entries."""
        if not self._found:
            try:
                self._found = self._run()
            except BenchmarkError as error:
                self._found = error.line(SPELLING)
        if isinstance(self._found, str):
            pytest.fail(self._found, pytrace=False)
        return [finding for finding in self._found if finding.entry == entry]

    def _run(self) -> "list[Finding]":
        from subliminal_bench import shipped
        from subliminal_bench.experiment.seed_ranges import parse_seeds
        from subliminal_bench.results.locks import Locks
        from subliminal_bench.verification.regression import REGRESSION_SEEDS, listed_entries
        from subliminal_bench.verification.rerun import regress

        option = self._config.getoption
        setup = setup_of(self._config, option("--subliminal-protocol"))
        named, root = option("--subliminal-seeds"), option("--subliminal-leaderboard")
        leaderboard = Path(root) if root else shipped.folder("leaderboard")
        seeds = parse_seeds(named, setup.chosen_protocol) if named else REGRESSION_SEEDS
        entries = listed_entries(option("--subliminal-entries"))
        with Locks() as locks, setup.bench() as bench:
            locks.acquire(self._folder, "tests", wait=True)
            return regress(bench, leaderboard, entries, seeds, self._folder)


def check_marker(marker: pytest.Mark, where: str) -> None:
    """Refuse arguments that the marker does not have.

    Raises:
        pytest.UsageError: an argument is positional or unknown, or its value is impossible.
    """
    unknown = sorted(set(marker.kwargs) - {*_CHOOSE, *_BOUNDS})
    if marker.args or unknown:
        wrong = printable(", ".join(unknown)) if unknown else "positional arguments"
        raise pytest.UsageError(
            f"{where}: @pytest.mark.subliminal does not accept {wrong}; it accepts "
            f"{', '.join((*_CHOOSE, *_BOUNDS))}"
        )
    for name in _BOUNDS:
        bound = marker.kwargs.get(name)
        if bound is None:
            continue
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise pytest.UsageError(f"{where}: {name} must be a number, not {brief(bound)}")
        highest, meaning = _BOUNDS[name]
        if not 0 <= bound <= highest or bound == math.inf:
            raise pytest.UsageError(f"{where}: {name} is {brief(bound)}; it must be {meaning}")
    for name, (kinds, meaning) in _KINDS.items():
        value = marker.kwargs.get(name)
        # Python does not write whole numbers of thousands of digits.
        is_endless = isinstance(value, int) and value.bit_length() > 64
        if value is not None and (is_endless or not isinstance(value, kinds)):
            raise pytest.UsageError(f"{where}: {name} must be {meaning}, not {brief(value)}")
    settings = marker.kwargs.get("settings")
    if settings is not None:
        try:
            written_settings(settings)
        except MitigationError as error:
            raise pytest.UsageError(f"{where}: {error.line(SPELLING)}") from None


def check_bounds(card: "Scorecard", marker: pytest.Mark) -> None:
    """Fail the test in one line that names every broken bound.

    The line is short and begins with the numbers, because pytest's summary cuts it.
    """
    broken = []
    highest = marker.kwargs.get("max_trait_accuracy")
    trait = float(card.columns[0].trait_accuracy.mean())
    if highest is not None and trait > highest:
        broken.append(f"trait accuracy {trait:.4f} > {highest}")
    broken += _broken_in_the_body(card, marker)
    largest = marker.kwargs.get("max_kl_ratio")
    against = card.against_baseline
    kept = against.distillation if against else None
    if largest is not None and (kept is None or kept.ratio > largest):
        found = f"{kept.ratio:.4f}" if kept else "of a diverged student"
        broken.append(f"KL ratio {found} > {largest}")
    if broken:
        pytest.fail(f"{'; '.join(broken)} ({card.entry.mitigation.name})", pytrace=False)


def _broken_in_the_body(card: "Scorecard", marker: pytest.Mark) -> list[str]:
    """The broken bounds on latent trait and prevention."""
    from subliminal_bench.experiment.readers import LATENT

    broken = []
    most = marker.kwargs.get("max_latent_accuracy")
    latent = card.summaries(LATENT)[0].mean
    if most is not None and (latent is None or latent > most):
        found = "of no student" if latent is None else f"{latent:.4f}"
        broken.append(f"latent trait {found} > {most}")
    least = marker.kwargs.get("min_prevention")
    prevention = card.verdict.prevention if card.verdict else None
    if least is not None and (prevention is None or prevention.estimate < least):
        found = f"{prevention.estimate:.4f}" if prevention else "not to be judged"
        broken.append(f"prevention {found} < {least}")
    return broken
