"""The store: what is finished is never trained again, what was changed never meets its past."""

import shutil
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from subliminal_bench.experiment.metrics import CURVES
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.mitigation.separation import Separation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.run import RunHeader
from subliminal_bench.results.store import Store
from subliminal_bench.running import jobs
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import ENGINE, train_students
from tests.conftest import TINY
from tests.support.files import contents
from tests.support.plugins_for_tests import mitigation, scaling_source, write
from tests.support.stores import BASELINE, HERE, LIMINAL, bench, curves_of, entry_of, refused


def forbidden(*arguments: Any) -> Any:
    raise AssertionError("this must not be trained again")


def recording(monkeypatch: pytest.MonkeyPatch, function: str) -> list[tuple[int, ...]]:
    """The seeds that a training function is called for."""
    called: list[tuple[int, ...]] = []
    original: Callable[..., Any] = getattr(jobs, function)

    def recorded(first: Any, second: Any, *more: Any) -> Any:
        called.append(second if function == "train_teachers" else first.seeds)
        return original(first, second, *more)

    monkeypatch.setattr(jobs, function, recorded)
    return called


class TestResuming:
    def test_a_second_run_trains_nothing_and_finds_the_same(
        self, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for function in ("train_teachers", "train_students"):
            monkeypatch.setattr(jobs, function, forbidden)
        monkeypatch.setattr("subliminal_bench.running.bench.load_digits", forbidden)
        first = bench(kept).run([BASELINE, LIMINAL], (1, 2))
        again = bench(kept).run([LIMINAL, BASELINE], (1, 2))
        assert first == again[::-1]
        assert [run.seed_numbers for run in first] == [(1, 2), (1, 2)]

    def test_fewer_seeds_are_taken_from_more(
        self, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs, "train_students", forbidden)
        (run,) = bench(kept).run([BASELINE], (2,))
        assert run.seed_numbers == (2,)

    def test_more_seeds_train_only_the_new_ones(
        self, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = entry_of(kept).run()
        teachers = recording(monkeypatch, "train_teachers")
        students = recording(monkeypatch, "train_students")
        (run,) = bench(kept).run([BASELINE], (1, 2, 3))
        assert teachers == students == [(3,)]
        assert run.seed_numbers == (1, 2, 3)
        assert run.seeds[:2] == before.seeds

    def test_a_cohort_is_let_go_before_the_next_one_trains(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cohorts: list[weakref.ref[Cohort]] = []
        alive: list[int] = []

        def made(*arguments: Any) -> Cohort:
            cohort = Cohort(*arguments)
            cohorts.append(weakref.ref(cohort))
            return cohort

        def trained(*arguments: Any) -> Any:
            # Counted without a collection: its noise alone is 180 MB, so it must not wait.
            alive.append(sum(cohort() is not None for cohort in cohorts))
            return train_students(*arguments)

        monkeypatch.setattr(jobs, "Cohort", made)
        monkeypatch.setattr(jobs, "train_students", trained)
        bench(Store(tmp_path / "store")).run([BASELINE, LIMINAL], (1, 2, 3, 4))
        assert len(cohorts) == 4
        assert alive == [1] * 8

    def test_another_mitigation_takes_the_teachers_that_are_there(
        self, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs, "train_teachers", forbidden)
        students = recording(monkeypatch, "train_students")
        bench(kept).run([BASELINE, mitigation()], (1, 2))
        assert students == [(1,), (2,)]

    def test_kept_teachers_give_the_numbers_of_fresh_ones(
        self, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = entry_of(kept).run()
        shutil.rmtree(entry_of(kept).path)
        assert bench(kept).run([BASELINE], (1, 2))[0].seeds == before.seeds

    @pytest.mark.parametrize("damage", [b"", b"no tensors", None])
    def test_an_unreadable_teacher_is_trained_again_to_the_same_bits(
        self, damage: bytes | None, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = kept.teachers(TINY, HERE)
        path = folder.path / "seed-0001.safetensors"
        whole = path.read_bytes()
        path.write_bytes(whole[:-8] if damage is None else damage)
        shutil.rmtree(entry_of(kept).path)
        teachers = recording(monkeypatch, "train_teachers")
        bench(kept).run([BASELINE], (1, 2))
        assert teachers == [(1,)]
        assert path.read_bytes() == whole

    def test_a_seed_without_its_metrics_is_not_done(
        self, kept: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = entry_of(kept)
        (folder.path / "seed-0002.json").unlink()
        assert folder.finished() == [1]
        students = recording(monkeypatch, "train_students")
        bench(kept).run([BASELINE], (1, 2))
        assert students == [(2,)]

    def test_a_hook_that_fails_on_a_later_seed_keeps_the_earlier_ones(
        self, tmp_path: Path
    ) -> None:
        def fails_on_2(gradient: torch.Tensor, step: Any) -> torch.Tensor:
            return gradient * (float("nan") if 2 in step.seeds else 1)

        where, failing = Store(tmp_path), mitigation(distill_gradient=fails_on_2)
        assert "seed 2" in refused(lambda: bench(where).run([failing], (1, 2, 3)))
        assert entry_of(where, failing).finished() == [1]

    def test_finished_seeds_are_saved_as_they_come(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        where = Store(tmp_path)
        seen: list[list[int]] = []

        def watching(*arguments: Any) -> Any:
            seen.append(entry_of(where).finished())
            return train_students(*arguments)

        monkeypatch.setattr(jobs, "train_students", watching)
        bench(where).run([BASELINE], (1, 2, 3))
        assert seen == [[], [1], [1, 2]]


class TestFolders:
    def test_nothing_is_made_by_asking(self, tmp_path: Path) -> None:
        where = Store(tmp_path / "store")
        assert not bench(where).has(BASELINE, (1,))
        assert entry_of(where).finished() == []
        assert where.find("baseline", None) == []
        assert not where.root.exists()

    def test_a_changed_source_or_setting_is_another_folder(self, tmp_path: Path) -> None:
        where, path = Store(tmp_path / "store"), tmp_path / "halve.py"

        def folder(factor: str, *set_options: str) -> Path:
            loaded = load_mitigation(
                str(write(path, scaling_source(factor=factor))), set_options
            )
            return entry_of(where, loaded).path

        folders = [folder("0.5"), folder("0.25"), folder("0.5", "factor=0.75")]
        assert len(set(folders)) == 3
        assert folder("0.5") == folders[0]
        assert {one.name[:6] for one in folders} == {"halve-"}

    def test_the_order_of_a_composition_is_another_folder(self, tmp_path: Path) -> None:
        where = Store(tmp_path)
        orders = ("liminal+projection", "projection+liminal")
        assert len({entry_of(where, load_mitigation(one)).path for one in orders}) == 2

    def test_two_objects_of_one_file_are_two_folders(self, tmp_path: Path) -> None:
        source = (
            "from subliminal_bench import Card, hookimpl\n\n\nclass Scale:\n"
            "    def __init__(self, factor):\n        self.factor = factor\n\n"
            "    @hookimpl\n    def mitigation(self):\n"
            "        return Card('scale', 'Scale')\n\n"
            "    @hookimpl\n    def distill_gradient(self, gradient):\n"
            "        return self.factor * gradient\n\n\n"
            "weak, strong = Scale(0.9), Scale(-1.0)\n"
        )
        path = write(tmp_path / "scale.py", source)
        folders = {
            entry_of(Store(tmp_path), load_mitigation(f"{path}:{name}")).path
            for name in ("weak", "strong")
        }
        assert len(folders) == 2

    @pytest.mark.parametrize(
        ("change", "another"),
        [
            ({"torch": "0.0.1"}, True),
            ({"device": "cuda"}, True),
            ({"engine": ENGINE + 1}, True),
            ({"arithmetic": "matmul, measured from float32, DEFAULT"}, True),
            ({"device_name": "another processor"}, False),
            ({"commit": "0" * 40, "dirty": True}, False),
        ],
    )
    def test_what_decides_the_numbers_decides_the_folder(
        self, change: dict[str, object], another: bool, tmp_path: Path
    ) -> None:
        where, there = Store(tmp_path), HERE.model_copy(update=change)
        entries = {where.run_folder(TINY, BASELINE, one).path for one in (HERE, there)}
        teachers = {where.teachers(TINY, one).path for one in (HERE, there)}
        assert len(entries) == len(teachers) == (2 if another else 1)

    @pytest.mark.parametrize(
        "change", [{"version": 2}, {"student_epochs": 4}, {"name": "other"}]
    )
    def test_another_protocol_is_another_folder(
        self, change: dict[str, Any], tmp_path: Path
    ) -> None:
        other = replace(TINY, **change)
        where = Store(tmp_path)
        assert (
            where.run_folder(other, BASELINE, HERE).path
            != where.run_folder(TINY, BASELINE, HERE).path
        )
        assert where.teachers(other, HERE).path != where.teachers(TINY, HERE).path

    def test_the_latest_run_of_a_name_comes_first(self, tmp_path: Path) -> None:
        where, path = Store(tmp_path / "store"), tmp_path / "halve.py"
        for factor in ("0.5", "0.25"):
            loaded = load_mitigation(str(write(path, scaling_source(factor=factor))))
            bench(where).run([loaded], (1,))
        found = where.find("halve", None)
        assert [one.header.mitigation.settings["factor"] for one in found] == [0.25, 0.5]
        assert [one.path for one in where.find(found[1].path.name, "tiny")] == [found[1].path]
        assert where.find("halve", "mnist") == []


class TestLatest:
    def test_a_run_taken_from_the_store_again_is_the_latest_of_its_name(
        self, kept: Store
    ) -> None:
        mild, strong = (
            load_mitigation("liminal", [f"lambda0={value}"]) for value in (1.0, 2.0)
        )
        for one in (mild, strong, mild):
            time.sleep(0.02)
            bench(kept).run([one], (2,))
        assert kept.find("liminal", None)[0].header.mitigation.settings == mild.settings


class TestDamage:
    def test_a_broken_entry_of_another_name_stops_nobody(self, kept: Store) -> None:
        (entry_of(kept, LIMINAL).path / "entry.json").write_text("{")
        assert [one.header.mitigation.name for one in kept.find("baseline", None)] == [
            "baseline"
        ]

    def test_a_store_that_is_a_file_is_one_line(self, tmp_path: Path) -> None:
        root = write(tmp_path / "store", "a file")
        assert str(root) in refused(lambda: bench(Store(root)).run([BASELINE], (1,)))
        assert root.read_text() == "a file"

    def test_a_store_that_may_not_be_written_to_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*arguments: object, **keywords: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkstemp", denied)
        message = refused(lambda: bench(Store(tmp_path)).run([BASELINE], (1,)))
        assert "Permission denied" in message
        assert str(tmp_path) in message
        assert contents(tmp_path) == {}


class TestCurvesOfARun:
    def test_a_run_finds_its_curves_by_its_numbers(self, kept: Store, tiny: Protocol) -> None:
        folder = entry_of(kept)
        found = kept.curves(folder.run())
        assert list(found) == [1, 2]
        for seed in (1, 2):
            own = curves_of(folder, seed)
            assert all(torch.equal(found[seed][name], own[name]) for name in CURVES)

    def test_seeds_with_other_numbers_or_without_curves_are_left_out(
        self, kept: Store, tiny: Protocol
    ) -> None:
        run = entry_of(kept).run()
        first = run.seeds[0]
        moved = {**first.metrics, "trait_accuracy": 0.123456}
        other = first.model_copy(update={"metrics": moved})
        assert list(kept.curves(run.model_copy(update={"seeds": [other, run.seeds[1]]}))) == [2]
        (entry_of(kept).path / "seed-0002.npz").unlink()
        assert list(kept.curves(run)) == [1]


class Kept(Mitigation):
    """Stands for an isolated one, where no process is needed."""

    @property
    def isolation(self) -> Separation:
        return Separation("none")


class Sandboxed(Mitigation):
    """Stands for one in a sandbox."""

    @property
    def isolation(self) -> Separation:
        return Separation("none", "bubblewrap")


def test_an_unisolated_result_never_passes_for_an_isolated_one(tmp_path: Path) -> None:
    where = Store(tmp_path)
    here = Environment.here("cpu", "a processor", engine=ENGINE)
    plain = load_mitigation("liminal")
    folders = [
        where.run_folder(TINY, one, here)
        for one in (plain, Kept(plain.plugins), replace(plain), Sandboxed(plain.plugins))
    ]
    assert folders[0].path == folders[2].path
    assert len({one.path for one in folders}) == 3
    assert folders[1].header.isolation
    content = folders[0].header.model_dump()
    assert "isolation" not in content
    assert RunHeader.model_validate(content) == folders[0].header
