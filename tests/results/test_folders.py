"""A folder gives back the seeds laid into it, and names what is damaged."""

import shutil
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.metrics import CURVES
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.training.outcome import Outcome
from tests.conftest import TINY
from tests.support.files import contents
from tests.support.plugins_for_tests import one_line, plugin
from tests.support.runs import make_run
from tests.support.stores import BASELINE, LIMINAL, bench, curves_of, entry_of, refused


class TestSeeds:
    def test_a_seed_is_its_metrics_curves_and_weights_and_the_baselines_its_path(
        self, kept: Store
    ) -> None:
        folder = entry_of(kept)
        assert contents(folder.path).keys() == {
            "entry.json",
            *(
                f"{kind}-000{seed}.{ending}"
                for seed in (1, 2)
                for kind, ending in (
                    ("path", "json"),
                    ("seed", "json"),
                    ("seed", "npz"),
                    ("seed", "safetensors"),
                )
            ),
        }
        curves = curves_of(folder, 2)
        assert set(curves) == set(CURVES)
        steps = {name: len(curve) for name, curve in curves.items() if name != "test_accuracy"}
        assert set(steps.values()) == {TINY.student_steps}
        assert all(curve.dtype == torch.float32 for curve in curves.values())


class TestDamage:
    @pytest.mark.parametrize("name", ["seed-0001.json", "entry.json"])
    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null"])
    def test_a_broken_file_is_named_in_one_line(
        self, name: str, content: bytes, kept: Store
    ) -> None:
        path = entry_of(kept).path / name
        path.write_bytes(content)
        assert str(path) in refused(lambda: bench(kept).run([BASELINE], (1, 2)))

    def test_a_truncated_file_is_named_with_what_to_do(self, kept: Store) -> None:
        path = entry_of(kept).path / "seed-0001.json"
        path.write_bytes(path.read_bytes()[:100])
        message = refused(lambda: bench(kept).run([BASELINE], (1, 2)))
        assert str(path) in message
        assert "delete" in message

    def test_a_file_of_another_seed_is_named(self, kept: Store) -> None:
        folder = entry_of(kept).path
        shutil.copy(folder / "seed-0001.json", folder / "seed-0002.json")
        message = refused(lambda: bench(kept).run([BASELINE], (1, 2)))
        assert str(folder / "seed-0002.json") in message
        assert "seed 1" in message

    def test_other_files_in_a_folder_are_left_alone(self, kept: Store) -> None:
        folder = entry_of(kept)
        for name in ("notes.txt", "seed-copy.json", ".seed-0003.json.abc", "seed-.json"):
            (folder.path / name).write_text("not mine")
        assert folder.finished() == [1, 2]
        assert folder.run().seed_numbers == (1, 2)

    def test_curves_that_were_not_kept_are_none(self, kept: Store) -> None:
        assert entry_of(kept).curves(9) is None

    def test_an_entry_without_a_seed_has_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(ResultError, match="no finished seed"):
            entry_of(Store(tmp_path)).run()


class TestNumbers:
    def test_a_huge_but_finite_gradient_is_kept_or_refused_in_one_line(
        self, tmp_path: Path
    ) -> None:
        def along_the_trait(gradient: torch.Tensor, step: Step) -> torch.Tensor:
            # At the last step: the student has no time left to diverge.
            last = step.progress == 1
            return step.trait_gradient().sign() * 3e38 if last else gradient

        huge = Mitigation((plugin("huge", "trait-gradient", distill_gradient=along_the_trait),))
        where = Store(tmp_path)
        try:
            finished = list(bench(where).run([huge], (1,))[0].seed_numbers)
        except BenchmarkError as error:
            one_line(error)
            finished = []
        assert entry_of(where, huge).finished() == finished

    def test_a_seed_alone_has_the_numbers_that_it_has_after_another(self, kept: Store) -> None:
        (run,) = bench(Store(kept.root.parent / "alone")).run([LIMINAL], (2,))
        assert run.seeds == entry_of(kept, LIMINAL).run([2]).seeds

    def test_a_diverged_seed_is_kept_and_read_back(self, tmp_path: Path) -> None:
        folder = entry_of(Store(tmp_path), Mitigation((plugin("diverging"),)))
        result = make_run("diverging", [None]).seeds[0]
        metrics = dict(result.metrics)
        curves = {name: torch.full((3,), float("nan")) for name in CURVES}
        folder.save(Outcome(1, metrics, curves, torch.zeros(3), diverged_at=7))
        assert folder.run().seeds == [result]
        assert curves_of(folder, 1)["trait_loss"].isnan().all()
