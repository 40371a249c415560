"""Entries held to what their mitigation does when it is run again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench import shipped
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.entries import entries_folder
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.run import ProtocolRecord, Run, read_run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.tolerances import Chaos, Tolerances
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.verification.verify import drawn_seeds
from tests.conftest import CPU, TINY
from tests.support.terminal import Ended, Terminal

SEEDS = (1, 2, 3, 4)
ANCHOR = shipped.folder("plugins") / "class_anchor.py"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Finished runs, trained once."""
    folder = tmp_path_factory.mktemp("finished")
    return {name: ran(name, folder) for name in ("baseline", "class_anchor")}


@pytest.fixture
def root(tmp_path: Path, tiny: object, finished: dict[str, Run]) -> Path:
    """A leaderboard's folder with a baseline and tolerances of the test protocol."""
    folder = tmp_path / "board"
    write_run(entries_folder(TINY, folder) / "baseline.json", finished["baseline"])
    chaos = [
        Chaos(variant="by hand", entry="baseline", metric=metric, differences=[1e-6])
        for metric in METRICS
    ]
    steady = Tolerances(schema_version=1, protocol=ProtocolRecord.of(TINY), chaos=chaos)
    write_record(folder / "tolerances" / "tiny.json", steady)
    return folder


def ran(mitigation: str | Path, folder: Path) -> Run:
    bench = Bench(TINY, CPU, Store(folder / "store"))
    (run,) = bench.run([load_mitigation(str(mitigation))], SEEDS)
    return run


Verify = Callable[..., Ended]


@pytest.fixture
def verify(type_in: Terminal, root: Path) -> Verify:
    def typed(entry: Path, *options: object) -> Ended:
        board = ("--leaderboard", root, "--device", "cpu")
        return type_in("verify", entry, *board, *options)

    return typed


@pytest.fixture
def entry(tmp_path: Path, root: Path, finished: dict[str, Run]) -> Path:
    path = tmp_path / "class_anchor.json"
    write_run(path, finished["class_anchor"])
    return path


def altered(entry: Path, seed: int, **metrics: float) -> Path:
    """The entry with other numbers of a seed, and the digest that fits them."""
    content = json.loads(entry.read_text())
    del content["digest"]
    for one in content["seeds"]:
        if one["seed"] == seed:
            one["metrics"] |= metrics
    path = entry.with_name("altered.json")
    write_run(path, Run.model_validate(content))
    return path


def test_an_honest_entry_holds(verify: Verify, entry: Path) -> None:
    done = verify(entry, "--count", 3)
    assert done.code == 0, done.out
    lines = done.out.splitlines()
    about = [line.split(":")[1].strip() for line in lines[:-1]]
    assert about == [
        "protocol",
        "mitigation",
        "shares",
        "seeds",
        "before training",
        "rerun",
        "bias",
        "fresh seeds",
        "blind",
    ]
    assert all(line.startswith("holds:   ") for line in lines[:-1])
    assert lines[-1] == "verified: 3 of 4 seeds (75 %) rerun"


def test_an_oracle_holds_too_and_nobody_calls_it_blind(
    verify: Verify, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / "projection.json"
    write_run(path, ran("projection", tmp_path))
    done = verify(path, "--seeds", 3)
    assert done.code == 0, done.out
    assert "rerun: seed 3 within float chaos" in done.out
    assert "blind" not in done.out


@pytest.mark.parametrize(
    ("metrics", "about"),
    [
        ({"trait_accuracy": 0.5}, "rerun"),
        ({"kl_fresh": 0.002}, "rerun"),
        ({"trait_accuracy": 0.12345678}, "shares"),
        ({"positive_fraction_pre": 0.61}, "shares"),
        ({"teacher_accuracy": 0.99}, "before training"),
        ({"trait_loss_initial": 2.5}, "before training"),
    ],
)
def test_an_altered_value_of_a_seed_that_is_rerun_is_refuted(
    verify: Verify, entry: Path, metrics: dict[str, float], about: str
) -> None:
    done = verify(altered(entry, 2, **metrics), "--seeds", "2")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("refuted: " + about)]
    assert next(iter(metrics)) in line
    assert done.out.splitlines()[-1].startswith("refuted: the entry does not match")


def test_a_value_altered_without_its_digest_is_not_even_read(
    verify: Verify, entry: Path
) -> None:
    entry.write_text(entry.read_text().replace('"trait_accuracy": 0.', '"trait_accuracy": 0.0'))
    done = verify(entry)
    assert "digest does not match" in done.error


def test_a_swapped_mitigation_is_refuted_before_anything_is_run(
    verify: Verify, entry: Path, tmp_path: Path
) -> None:
    other = tmp_path / "class_anchor.py"
    other.write_text(ANCHOR.read_text() + "\n# One more line.\n")
    done = verify(entry, "--mitigation", other)
    assert done.code == 1
    assert "refuted: mitigation: its source was" in done.out
    assert "rerun" not in done.out


def test_a_mitigation_that_is_not_there_is_a_mistake(verify: Verify, entry: Path) -> None:
    assert "no such" in verify(entry, "--mitigation", "nowhere.py").error


def test_a_seed_made_up_from_another_is_refuted(verify: Verify, entry: Path) -> None:
    content = json.loads(entry.read_text())
    del content["digest"]
    content["seeds"][3]["metrics"] = content["seeds"][0]["metrics"]
    write_run(entry, Run.model_validate(content))
    done = verify(entry, "--seeds", "2")
    assert done.code == 1
    assert "refuted: seeds: seeds 1,4 start with the same trait loss" in done.out


def test_numbers_under_another_seeds_name_are_refuted(verify: Verify, entry: Path) -> None:
    content = json.loads(entry.read_text())
    del content["digest"]
    first, second = (content["seeds"][place] for place in (0, 1))
    first["metrics"], second["metrics"] = second["metrics"], first["metrics"]
    write_run(entry, Run.model_validate(content))
    done = verify(entry, "--seeds", "3")
    assert done.code == 1
    assert "refuted: before training: " in done.out
    assert "seeds 1-2" in done.out


def test_seeds_that_the_entry_does_not_have_are_a_mistake(verify: Verify, entry: Path) -> None:
    assert "has no seed 9" in verify(entry, "--seeds", "9").error


def test_an_entry_of_other_fixed_numbers_is_refuted(
    verify: Verify, entry: Path, tmp_path: Path
) -> None:
    content = json.loads(entry.read_text())
    del content["digest"]
    content["protocol"]["fingerprint"] = "0" * 64
    write_run(entry, Run.model_validate(content))
    done = verify(entry)
    assert done.code == 1
    assert "refuted: protocol: its tiny-v1 has a different fingerprint" in done.out


KNOWS_BY_HEART = '''
from torch import Tensor

from subliminal_bench.mitigation.card import Card
from subliminal_bench.mitigation.hooks import Step, Training, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(name="by_heart", title="Knows the digits", access="blind")


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    """Recognises the teachers that learned from digits as everybody has them."""
    (seed,) = step.seeds
    known = FIRST.get(seed)
    now = float(step.auxiliary_logits.sum())
    if step.index == 0:
        step.state["same"] = known is not None and abs(known - now) < 1e-3 * abs(known)
    return gradient


@hookimpl
def finish(parameters: Tensor, training: Training) -> Tensor:
    return parameters if training.state["same"] else 10 * parameters


FIRST: dict[int, float] = {}
'''


def test_a_mitigation_that_fits_only_the_digits_as_they_are_is_refuted(
    verify: Verify, root: Path, tmp_path: Path, tiny_cohort: Callable[..., Cohort]
) -> None:
    sums = {}
    for seed in SEEDS:
        cohort = tiny_cohort(seed)
        batch = cohort.noise_orders[:, 0, : TINY.batch]
        sums[seed] = float(cohort.auxiliary_logits[0][batch[0]].sum())
    path = tmp_path / "by_heart.py"
    source = KNOWS_BY_HEART.replace("FIRST: dict[int, float] = {}", f"FIRST = {sums}")
    path.write_text(source)
    entry = tmp_path / "by_heart.json"
    write_run(entry, ran(path, tmp_path))
    done = verify(entry, "--mitigation", path, "--count", 4)
    assert done.code == 1, done.out
    assert "holds:   rerun" in done.out
    assert "refuted: fresh seeds: " in done.out


def test_a_student_that_sees_audit_digits_is_refuted(
    verify: Verify, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seeing(cohort: object, mitigation: Mitigation, secret: int | None = None) -> bool:
        return False

    monkeypatch.setattr("subliminal_bench.verification.verify.is_blind", seeing)
    done = verify(entry, "--seeds", "2")
    assert done.code == 1
    assert "refuted: blind: other audit and test digits or class logits of the" in done.out
    assert "teacher change seed 2" in done.out


def test_drawn_seeds_are_the_entrys_and_change_from_draw_to_draw(entry: Path) -> None:
    run = read_run(entry)
    found = {drawn_seeds(run, 2) for _ in range(60)}
    assert len(found) > 1
    assert all(len(one) == 2 and set(one) <= set(SEEDS) for one in found)
    assert drawn_seeds(run, 99) == SEEDS
