"""Reference numbers: what a rerun makes of them, and what each outcome ends with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import float_chaos
from subliminal_bench import shipped
from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST_5K, PROBE, PROTOCOLS, Protocol
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.entries import entries_folder
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.run import ProtocolRecord, Run, read_run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.training import measurement, student, teacher
from subliminal_bench.verification import rerun
from subliminal_bench.verification.regression import Finding, Status, compare_with_reference
from subliminal_bench.verification.tolerances import Chaos, Tolerances
from tests.conftest import CPU
from tests.support.runs import make_run
from tests.support.terminal import Terminal

ROOT = shipped.folder("leaderboard")
SEEDS = (1,)


def rerun_probe(names: tuple[str, ...] = REFERENCES) -> dict[str, Finding]:
    return {one.entry: one for one in rerun.regress(bench_for(PROBE), ROOT, names, SEEDS)}


def bench_for(protocol: Protocol) -> Bench:
    """A bench whose own store is never used."""
    return Bench(protocol, CPU, Store(Path("none")))


# What may be planted in the code, and the entries that it must be seen in.


def wrong_rate(_: Protocol, parameters: Tensor) -> torch.optim.Adam:
    return torch.optim.Adam([parameters], lr=3.1e-4 * PROBE.learning_rate / 3e-4)


def without_the_thrown_away_order(
    seed: int, images: int, epochs: int, skipped: int = 0
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(skipped + epochs):
        torch.empty((), dtype=torch.int64).random_(generator=generator)
        drawn.append(torch.randperm(images, generator=generator))
    return torch.stack(drawn[skipped:])


def last_epoch_again(seed: int, images: int, epochs: int, skipped: int = 0) -> Tensor:
    order = RIGHT_ORDERS(seed, images, epochs, skipped)
    return torch.cat([order[:-1], order[-2:-1]]) if images == PROBE.noise_images else order


def split_off_by_one(protocol: Protocol, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    teacher, audit, test = RIGHT_SPLIT(protocol, seed)
    return teacher, torch.cat([teacher[-1:], audit[:-1]]), test


def over_the_batch(_: Protocol, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    ours, theirs = (
        torch.log_softmax(logits[..., 10:], -1) for logits in (student_logits, teacher_logits)
    )
    each = functional.kl_div(ours, theirs, reduction="none", log_target=True)
    return each.sum(-2).mean(-1)


RIGHT_ORDERS, RIGHT_SPLIT, RIGHT_LOAD = streams.orders, streams.split, load_mitigation


@contextmanager
def patched(*places: tuple[object, str], by: object) -> Iterator[None]:
    with mock.patch.object(places[0][0], places[0][1], by):
        if len(places) == 1:
            yield
        else:
            with patched(*places[1:], by=by):
                yield


def loading(change: Callable[[str], Mitigation]) -> Callable[..., Mitigation]:
    return lambda name, settings=(): change(name)


def cooler(name: str) -> Mitigation:
    return RIGHT_LOAD(name, ["temperature=1.9"] if name == "liminal" else [])


@pytest.fixture
def unconditional(tmp_path: Path) -> Callable[[str], Mitigation]:
    """Projection that removes a negative alignment, too."""
    source = (shipped.folder("plugins") / "projection.py").read_text()
    assert source.count("inner.clamp(min=0)") == 1
    path = tmp_path / "projection.py"
    path.write_text(source.replace("inner.clamp(min=0)", "inner"))
    return lambda name: RIGHT_LOAD(str(path) if name == "projection" else name)


def test_untouched_code_passes() -> None:
    findings = rerun_probe()
    assert set(findings) == set(REFERENCES)
    for finding in findings.values():
        assert finding.outcome is Status.PASSED, finding.line
        assert "within float chaos" in finding.line


def test_another_rounding_passes() -> None:
    rounded_otherwise_passes(PROBE, seed=3)


@pytest.mark.slow
def test_a_hundred_other_roundings_pass() -> None:
    for attempt in range(100):
        rounded_otherwise_passes(PROBE, seed=1 + attempt % 20, salt=1 + attempt)


def rounded_otherwise_passes(protocol: Protocol, seed: int, salt: int = 0) -> None:
    nudged = float_chaos.nudged(1000 * salt + seed)
    with float_chaos.changed(model, "initial_parameters", nudged):
        for finding in rerun.regress(bench_for(protocol), ROOT, REFERENCES, (seed,)):
            assert finding.outcome is Status.PASSED, finding.line


ADAM = ((teacher, "adam"), (student, "adam"))
KL = (
    (student, "distillation_kl"),
    (measurement, "distillation_kl"),
)
ORDERS = ((streams, "orders"),)


@pytest.mark.parametrize(
    ("places", "by", "seen_in"),
    [
        (ADAM, wrong_rate, REFERENCES),
        (ADAM[1:], wrong_rate, REFERENCES),
        (ORDERS, without_the_thrown_away_order, REFERENCES),
        (ORDERS, last_epoch_again, REFERENCES),
        (((streams, "split"),), split_off_by_one, REFERENCES),
        (KL, over_the_batch, REFERENCES),
        (((rerun, "load_mitigation"),), loading(cooler), ("liminal",)),
    ],
    ids=[
        "learning rate 3.1e-4",
        "learning rate 3.1e-4 of the student",
        "no thrown-away permutation",
        "last epoch in the order of the one before",
        "audit split off by one",
        "KL summed over the batch",
        "temperature 1.9",
    ],
)
def test_a_planted_regression_is_caught_and_named(
    places: tuple[tuple[object, str], ...], by: object, seen_in: tuple[str, ...]
) -> None:
    with patched(*places, by=by):
        findings = rerun_probe()
    caught = {name for name, one in findings.items() if one.outcome is Status.REGRESSED}
    assert caught == set(seen_in)
    for name in seen_in:
        line = findings[name].line
        assert line.startswith(f"regressed: {PROBE.label}: {name}: ")
        assert any(metric in line for metric in METRICS)
        assert "seed 1: " in line
        assert "tolerance" in line
        assert "\n" not in line


def test_projection_without_its_condition_is_caught(
    unconditional: Callable[[str], Mitigation],
) -> None:
    with patched((rerun, "load_mitigation"), by=loading(unconditional)):
        findings = rerun_probe()
    caught = {name for name, one in findings.items() if one.outcome is Status.REGRESSED}
    assert caught == {"projection"}
    assert "its source is another one" in findings["projection"].line


# The comparison itself, on runs made by hand.

STEADY = 0.001


def tolerances(of: Protocol = MNIST_5K) -> Tolerances:
    chaos = [
        Chaos(variant="by hand", entry="baseline", metric=metric, differences=[STEADY, -STEADY])
        for metric in METRICS
    ]
    return Tolerances(schema_version=1, protocol=ProtocolRecord.of(of), chaos=chaos)


def runs(*trait: float | None, kl_fresh: float = 1e-3) -> Run:
    return make_run("baseline", trait, protocol=MNIST_5K, kl_fresh=kl_fresh)


def test_a_single_seed_may_move_by_thrice_the_largest_chaos_and_no_further() -> None:
    reference = runs(0.5, 0.5, 0.5, kl_fresh=1.0)
    near = runs(0.5, 0.5, 0.5, kl_fresh=1.0 + 2.9 * STEADY)
    assert compare_with_reference(reference, near, tolerances()).outcome is Status.PASSED
    far = make_run("baseline", [0.5] * 3, protocol=MNIST_5K, kl_fresh=[1.0, 1.0, 1.0031])
    found = compare_with_reference(reference, far, tolerances())
    assert found.outcome is Status.REGRESSED
    assert "kl_fresh" in found.line
    assert "change of seed 3 +0.0031, tolerance 0.003" in found.line


def test_small_changes_of_all_seeds_together_are_a_regression() -> None:
    seeds = [0.5] * 20
    reference = make_run("baseline", seeds, protocol=MNIST_5K, kl_fresh=1.0)
    drifted = make_run("baseline", seeds, protocol=MNIST_5K, kl_fresh=1.0 + 2.8 * STEADY)
    found = compare_with_reference(reference, drifted, tolerances())
    assert found.outcome is Status.REGRESSED
    assert "mean change +0.0028" in found.line


def test_a_seed_that_now_diverges_is_a_regression() -> None:
    found = compare_with_reference(runs(0.5, 0.5), runs(0.5, None), tolerances())
    assert found.outcome is Status.REGRESSED
    assert "seed 2 trained to its end before, diverged at step 7 now" in found.line


def test_a_seed_that_diverges_in_both_is_none() -> None:
    assert compare_with_reference(runs(0.5, None), runs(0.5, None), tolerances()).outcome == 0


def test_changed_numbers_of_a_protocol_without_a_new_version_are_a_regression() -> None:
    other = make_run("baseline", [0.5], protocol=replace(MNIST_5K, learning_rate=3.1e-4))
    found = compare_with_reference(runs(0.5), other, tolerances())
    assert found.outcome is Status.REGRESSED
    assert "changed without a new version" in found.line


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A leaderboard's folder with numbers of the test protocol."""
    folder = tmp_path / "board"
    tiny = PROTOCOLS["tiny"]
    for name in ("baseline", "liminal"):
        run = make_run(name, [0.5] * 3, protocol=tiny)
        write_run(entries_folder(tiny, folder) / f"{name}.json", run)
    write_record(folder / "tolerances" / "tiny.json", tolerances(tiny))
    return folder


@pytest.fixture
def reruns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answers reruns with the numbers of `board`, at once; lists what was rerun."""
    asked: list[str] = []

    def answer(
        bench: Bench,
        names: list[str],
        seeds: tuple[int, ...],
        shared: Path | None = None,
        show_blind: bool = False,
    ) -> dict[str, Run]:
        asked.extend(f"{bench.protocol.name} {name}" for name in names)
        return {
            name: make_run(
                name, [0.5] * len(seeds), protocol=bench.protocol, first_seed=seeds[0]
            )
            for name in names
        }

    monkeypatch.setattr(rerun, "rerun_entries", answer)
    monkeypatch.setattr(rerun, "protocols_behind", lambda chosen: [chosen])
    monkeypatch.delenv("CI", raising=False)
    return asked


TINY = ("--protocol", "tiny", "--device", "cpu")


@pytest.mark.usefixtures("tiny")
class TestTheCommand:
    def test_it_passes_with_code_0(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in(
            "regress", *TINY, "--leaderboard", board, "--entries", "baseline,liminal"
        )
        assert done.code == 0
        assert reruns == ["tiny baseline", "tiny liminal"]
        first, second = done.out.splitlines()
        assert first.startswith("passed: tiny-v1: baseline: seeds 1-3 within float chaos")
        assert second.startswith("passed: tiny-v1: liminal: ")

    def test_a_regression_ends_with_code_1(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        moved = make_run("baseline", [0.51] * 3, protocol=PROTOCOLS["tiny"])
        write_run(board / "references" / "tiny" / "baseline.json", moved)
        done = type_in(
            "regress", *TINY, "--leaderboard", board, "--entries", "baseline,liminal"
        )
        assert done.code == 1
        first, second = done.out.splitlines()
        assert first.startswith(
            "regressed: tiny-v1: baseline: trait_accuracy, seeds 1-3: 0.51 -> 0.5"
        )
        assert second.startswith("passed: ")

    def test_an_entry_or_seed_without_numbers_is_new_with_code_3(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in("regress", *TINY, "--leaderboard", board)
        assert done.code == 3
        assert "new: tiny-v1: projection: " in done.out
        done = type_in(
            "regress", *TINY, "--leaderboard", board, "--entries", "liminal", "--seeds", "2-5"
        )
        assert done.code == 3
        assert done.out.splitlines() == [
            "new: tiny-v1: liminal: no reference numbers yet for seeds 4-5"
        ]

    def test_no_baseline_file_ends_with_code_4_and_runs_nothing(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        (board / "references" / "tiny" / "baseline.json").unlink()
        done = type_in("regress", *TINY, "--leaderboard", board, "--entries", "liminal")
        assert done.code == 4
        assert done.out.startswith("no baseline file: tiny-v1: liminal: ")
        assert reruns == []

    def test_numbers_of_another_version_end_with_code_5(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        newer = replace(PROTOCOLS["tiny"], version=2)
        with mock.patch.dict(PROTOCOLS, tiny=newer):
            done = type_in("regress", *TINY, "--leaderboard", board, "--entries", "baseline")
        assert done.code == 5
        (line,) = done.out.splitlines()
        assert line.startswith("other protocol: tiny-v2: baseline: ")
        assert "are of tiny-v1" in line
        assert reruns == []

    def test_a_table_shows_every_metric(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in(
            "regress", *TINY, "--leaderboard", board, "--entries", "baseline", "--table"
        )
        for metric in METRICS:
            assert f"\n{metric} " in done.out
        assert max(map(len, done.out.splitlines()[1:])) <= 80

    @pytest.mark.parametrize("entries", ["", "baseline,baseline", "nothing"])
    def test_unusable_entries_are_one_line(
        self, entries: str, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in("regress", *TINY, "--leaderboard", board, "--entries", entries)
        if entries == "nothing":
            assert done.code == 3
        else:
            assert "name entries, each once" in done.error

    def test_a_protocol_without_tolerances_says_how_to_measure_them(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        (board / "tolerances" / "tiny.json").unlink()
        done = type_in("regress", *TINY, "--leaderboard", board, "--entries", "baseline")
        assert "benchmarks.float_chaos" in done.error


@pytest.mark.usefixtures("tiny")
class TestRenewal:
    def path(self, board: Path) -> Path:
        return board / "references" / "tiny" / "liminal.json"

    def renew(self, type_in: Terminal, board: Path, *options: str) -> tuple[int, str, str]:
        done = type_in(
            "regress",
            *TINY,
            *("--leaderboard", board, "--entries", "liminal", "--update-reference", *options),
        )
        return done.code, done.out, done.err

    def test_old_and_new_numbers_are_shown_before_new_ones_are_written(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        old = make_run("liminal", [0.4, 0.7], protocol=PROTOCOLS["tiny"])
        write_run(self.path(board), old)
        code, out, _ = self.renew(type_in, board, "--yes")
        assert code == 0
        row = next(line for line in out.splitlines() if line.startswith("trait accuracy [%]"))
        assert row.split()[3:] == ["55.00", "50.00", "-20.00"]
        assert out.index("55.00") < out.index("written: ")
        assert read_run(self.path(board)).column("trait_accuracy") == [0.5, 0.5]

    def test_without_a_yes_nothing_is_written(
        self,
        type_in: Terminal,
        board: Path,
        reruns: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = self.path(board).read_bytes()
        monkeypatch.setattr("typer.confirm", lambda *_: False)
        code, out, _ = self.renew(type_in, board)
        assert code == 0
        assert out.endswith("nothing was written\n")
        assert self.path(board).read_bytes() == before

    @pytest.mark.parametrize("value", ["true", "1"])
    def test_ci_never_renews(
        self,
        value: str,
        type_in: Terminal,
        board: Path,
        reruns: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("CI", value)
        before = self.path(board).read_bytes()
        code, _, error = self.renew(type_in, board, "--yes")
        assert code == 2
        assert "refused in CI" in error
        assert reruns == []
        assert self.path(board).read_bytes() == before

    def test_first_numbers_need_seeds(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        self.path(board).unlink()
        code, _, error = self.renew(type_in, board, "--yes")
        assert code == 2
        assert "--seeds" in error
        code, out, _ = self.renew(type_in, board, "--yes", "--seeds", "1-4")
        assert code == 0
        assert "no numbers before" in out
        assert read_run(self.path(board)).seed_numbers == (1, 2, 3, 4)
