"""What a pytest run scores: each scorecard once, whatever the number of tests and workers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from subliminal_bench.errors import BenchmarkError

if TYPE_CHECKING:
    from subliminal_bench.mitigation.mitigation import Mitigation
    from subliminal_bench.scoring.scorecard import Scorecard
    from subliminal_bench.verification.regression import Finding

DEFAULT_SEEDS = "1-10"
_CHOOSE = ("mitigation", "protocol", "seeds", "settings", "stop_early")
_BOUNDS = ("max_trait_accuracy", "max_kl_ratio")


@dataclass(frozen=True)
class Wanted:
    """Which scorecard."""

    mitigation: str
    protocol: str
    seeds: str
    settings: tuple[str, ...]
    stop_early: bool


class Scorecards:
    """The scorecards of one pytest run.

    Args:
        config: pytest's; its `--subliminal-*` options say what markers leave open.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cards: dict[Wanted, Scorecard | str] = {}
        # Printed in the summary, by title; a worker's travel to the main process.
        self.texts: dict[str, str] = {}

    def wanted(self, marker: pytest.Mark | None) -> Wanted:
        """What a test asks for: by its marker, else by the command line."""
        chosen: dict[str, Any] = dict(marker.kwargs) if marker else {}
        option = self._config.getoption
        mitigation = chosen.get("mitigation") or option("--subliminal-mitigation")
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
            settings=tuple(f"{name}={value}" for name, value in settings.items())
            if settings is not None
            else tuple(option("--subliminal-set")),
            stop_early=bool(chosen.get("stop_early", option("--subliminal-stop-early"))),
        )

    def of(self, wanted: Wanted) -> "Scorecard":
        """The scorecard, run now if it was not before; a user's mistake fails the test."""
        if wanted not in self._cards:
            try:
                self._cards[wanted] = self._run(wanted)
            except BenchmarkError as error:
                self._cards[wanted] = str(error)
        found = self._cards[wanted]
        if isinstance(found, str):
            pytest.fail(found, pytrace=False)
        return found

    def _run(self, wanted: Wanted) -> "Scorecard":
        from subliminal_bench.experiment.protocol import protocol_named
        from subliminal_bench.experiment.seed_ranges import parse_seeds
        from subliminal_bench.mitigation.isolation.confinement import Limits
        from subliminal_bench.mitigation.isolation.proxy import load_isolated
        from subliminal_bench.reports import text
        from subliminal_bench.results.locks import Locks
        from subliminal_bench.results.store import Store, store_folder
        from subliminal_bench.running.bench import Bench
        from subliminal_bench.running.score import score_mitigation
        from subliminal_bench.training.device import choose_device

        option = self._config.getoption
        named = option("--subliminal-store")
        folder = store_folder(Path(named) if named else None, self._config.rootpath)
        data_dir = option("--subliminal-data-dir")
        chosen = protocol_named(wanted.protocol)
        where = choose_device(option("--subliminal-device"))
        bench = Bench(
            chosen,
            where,
            Store(folder),
            Path(data_dir) if data_dir else None,
        )
        numbers = parse_seeds(wanted.seeds, chosen)
        if option("--subliminal-isolate"):
            entry: Mitigation = load_isolated(
                wanted.mitigation, wanted.settings, Limits.of(where.type)
            )
        else:
            entry = loaded_mitigation(wanted)
        # One worker runs, with all cores; the others wait, and find its seeds in the store.
        with Locks() as claims:
            claims.take(folder, "tests", wait=True)
            card = score_mitigation(bench, entry, numbers, stop_early=wanted.stop_early)
        self.texts[f"{wanted}"] = text.text(card, "terminal").rstrip()
        return card


class Regressions:
    """The references of one pytest run, rerun against their committed numbers.

    Args:
        config: pytest's.
        folder: where the processes of this test run share their results.
    """

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._found: list[Finding] | str = []

    def of(self, entry: str) -> "list[Finding]":
        """An entry's outcomes; all entries are rerun when the first is asked for."""
        if not self._found:
            try:
                self._found = self._run()
            except BenchmarkError as error:
                self._found = str(error)
        if isinstance(self._found, str):
            pytest.fail(self._found, pytrace=False)
        return [finding for finding in self._found if finding.entry == entry]

    def _run(self) -> "list[Finding]":
        from subliminal_bench import shipped
        from subliminal_bench.cli.options import listed_entries
        from subliminal_bench.experiment.protocol import protocol_named
        from subliminal_bench.experiment.seed_ranges import parse_seeds
        from subliminal_bench.results.locks import Locks
        from subliminal_bench.training.device import choose_device
        from subliminal_bench.verification.regression import REGRESSION_SEEDS
        from subliminal_bench.verification.rerun import Place

        option = self._config.getoption
        chosen = protocol_named(option("--subliminal-protocol"))
        data_dir, root = option("--subliminal-data-dir"), option("--subliminal-leaderboard")
        place = Place(
            chosen,
            Path(root) if root else shipped.folder("leaderboard"),
            choose_device(option("--subliminal-device")),
            Path(data_dir) if data_dir else None,
        )
        named = option("--subliminal-seeds")
        wanted = parse_seeds(named, chosen) if named else REGRESSION_SEEDS
        entries = listed_entries(option("--subliminal-entries"))
        with Locks() as claims:
            claims.take(self._folder, "tests", wait=True)
            return place.regress(entries, wanted, self._folder)


def loaded_mitigation(wanted: Wanted) -> "Mitigation":
    """The mitigation that is scored."""
    from subliminal_bench.mitigation.mitigation import load_mitigation

    try:
        return load_mitigation(wanted.mitigation, wanted.settings)
    except BenchmarkError as error:
        pytest.fail(str(error), pytrace=False)


def check_marker(marker: pytest.Mark, where: str) -> None:
    """Refuse what the marker does not know.

    Raises:
        pytest.UsageError: positional or unknown arguments, or a bound that is no number.
    """
    unknown = sorted(set(marker.kwargs) - {*_CHOOSE, *_BOUNDS})
    if marker.args or unknown:
        raise pytest.UsageError(
            f"{where}: @pytest.mark.subliminal does not know "
            f"{', '.join(unknown) if unknown else 'positional arguments'}; it takes "
            f"{', '.join((*_CHOOSE, *_BOUNDS))}"
        )
    for name in _BOUNDS:
        bound = marker.kwargs.get(name)
        if bound is not None and not isinstance(bound, int | float):
            raise pytest.UsageError(f"{where}: {name} must be a number, not {bound!r}")
    settings = marker.kwargs.get("settings")
    if settings is not None and not isinstance(settings, dict):
        raise pytest.UsageError(f"{where}: settings must be a dictionary, not {settings!r}")


def check_bounds(card: "Scorecard", marker: pytest.Mark) -> None:
    """Fail the test, in one line, where a bound is broken."""
    from subliminal_bench.scoring.comparison import trait_accuracy

    highest = marker.kwargs.get("max_trait_accuracy")
    trait = float(trait_accuracy(card.entry, card.seeds).mean())
    if highest is not None and trait > highest:
        pytest.fail(
            f"{card.entry.mitigation.name}: mean trait accuracy {trait:.4f} is above "
            f"max_trait_accuracy={highest}",
            pytrace=False,
        )
    largest = marker.kwargs.get("max_kl_ratio")
    if largest is None:
        return
    against = card.against_baseline
    kept = against.distillation if against else None
    if kept is None or kept.ratio > largest:
        found = f"{kept.ratio:.4f}" if kept else "that of a diverged student"
        pytest.fail(
            f"{card.entry.mitigation.name}: final KL ratio {found} is above "
            f"max_kl_ratio={largest}",
            pytrace=False,
        )
