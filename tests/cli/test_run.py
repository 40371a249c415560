"""`run` ends with a scorecard, or with one line and no result."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.mitigation.isolation.bubblewrap import Lack, find_bubblewrap
from subliminal_bench.results.run import read_run
from subliminal_bench.running import jobs
from tests.support.files import files_in
from tests.support.mitigation_files import UPDATE, hook, source
from tests.support.plugins_for_tests import HEAD, scaling_source, write
from tests.support.terminal import ON_TINY, Terminal


@pytest.fixture
def halve(tmp_path: Path) -> Path:
    return write(tmp_path / "halve.py", scaling_source())


class TestRun:
    @pytest.mark.parametrize("name", ["baseline", "projection", "liminal", "halve.py"])
    def test_it_ends_with_a_scorecard_beside_the_references(
        self, name: str, type_in: Terminal, halve: Path
    ) -> None:
        done = type_in("run", name, *ON_TINY, "--seeds", "1-2", "--full")
        assert done.code == 0, done.err
        title, verdict, *_ = done.out.splitlines()
        own = name.removesuffix(".py")
        assert title.startswith(own)
        assert "tiny-v1" in done.out
        assert "seeds 1-2 (n = 2)" in done.out
        headings = [line for line in done.out.splitlines() if line.startswith("mean ± SD")]
        for other in {own, "baseline", "projection", "liminal"}:
            assert any(other in heading for heading in headings)
        for metric in METRICS.values():
            assert metric.heading in done.out
        assert verdict.split(maxsplit=1)[0] == "verdict"
        assert ("not resolvable" in verdict) is (own != "baseline")
        assert (Path("subliminal-results") / "tiny-v1").is_dir()

    @pytest.mark.parametrize("options", [[], ["--isolate"]], ids=["here", "isolated"])
    def test_permuted_units_are_a_note_under_any_word_and_in_the_file(
        self, options: list[str], type_in: Terminal, tmp_path: Path
    ) -> None:
        permuting = hook(
            "finish(parameters, training)",
            "named = training.named(parameters)",
            "for name, along in (('fc1.weight', 1), ('fc1.bias', 1), ('fc2.weight', 2)):",
            "    named[name].copy_(named[name].roll(1, along))",
            "return parameters",
        )
        path = write(tmp_path / "sly.py", source(permuting))
        done = type_in("run", path, *ON_TINY, "--seeds", "1-2", *options, "--out", "sly.json")
        assert done.code == 0, done.err
        said = " ".join(done.out.split())
        assert "Note: idea's weights are marked: " in said
        assert "100 % of the units of its first layer were permuted" in said
        for seed in read_run(Path("sly.json")).seeds:
            assert seed.weight_change is not None
            assert seed.weight_change.exchanged == {"layer1": 1.0, "layer2": 0.0}
        again = type_in("run", path, *ON_TINY, "--seeds", "1-2", *options, "--format", "json")
        assert json.loads(again.out)["weights"]["exchanged"]["layer1"] == 1.0

    @pytest.mark.parametrize("options", [[], ["--no-weights"]])
    def test_the_store_keeps_the_students_weights_unless_told_otherwise(
        self, options: list[str], type_in: Terminal
    ) -> None:
        assert type_in("run", "liminal", *ON_TINY, "--seeds", "1-2", *options).code == 0
        kept = list(Path("subliminal-results").rglob("seed-*.safetensors"))
        students = [path for path in kept if "teachers" not in path.parent.name]
        assert len(kept) - len(students) == 2
        # Of the entry and its two references.
        assert len(students) == (0 if options else 6)

    @pytest.mark.parametrize("name", ["halve.py", "projection+liminal"])
    @pytest.mark.parametrize("seeds", ["1-3", "1,3,5,7,9,11,13"])
    def test_no_line_of_it_is_wider_than_80_columns(
        self, name: str, seeds: str, type_in: Terminal, halve: Path
    ) -> None:
        short = type_in("run", name, *ON_TINY, "--seeds", seeds)
        assert short.code == 0, short.err
        # A title, eight rows of which some take two lines, and a line about words.
        rows = {line.split("  ")[0] for line in short.out.splitlines()[1:] if line[:1] != " "}
        assert len(rows - {""}) <= 9
        done = type_in("run", name, *ON_TINY, "--seeds", seeds, "--full")
        assert done.code == 0, done.err
        assert max(map(len, [*short.out.splitlines(), *done.out.splitlines()])) <= 80
        for unit in ("[%]", "[nats]", "[mnat]", "[1e-3]", "[1e-4]"):
            assert unit in done.out

    def test_a_wide_name_is_folded_and_not_cut(self, type_in: Terminal, tmp_path: Path) -> None:
        name = "a-name-of-a-mitigation-that-is-far-too-long-for-any-column-of-a-table"
        path = write(tmp_path / "long.py", scaling_source(name))
        done = type_in("run", path, *ON_TINY, "--seeds", "1-2")
        assert done.code == 0, done.err
        assert max(map(len, done.out.splitlines())) <= 80
        assert "…" not in done.out

    def test_off_a_terminal_no_control_characters_are_printed(self, type_in: Terminal) -> None:
        done = type_in("run", "baseline", *ON_TINY, "--seeds", "1")
        assert not any(one in done.out + done.err for one in "\x1b\r")

    def test_a_second_time_it_trains_nothing_and_prints_the_same(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = type_in("run", "liminal", *ON_TINY, "--seeds", "1-2")

        def forbidden(*arguments: Any) -> Any:
            raise AssertionError("this must not be trained again")

        monkeypatch.setattr(jobs, "train_students", forbidden)
        assert type_in("run", "liminal", *ON_TINY, "--seeds", "1-2").out == first.out

    def test_a_mitigation_that_halves_is_not_the_baseline(
        self, type_in: Terminal, halve: Path
    ) -> None:
        assert type_in("run", halve, *ON_TINY, "--seeds", "1", "--out", "a.json").code == 0
        assert type_in("run", "baseline", *ON_TINY, "--seeds", "1", "--out", "b.json").code == 0
        mitigated, plain = (read_run(Path(name)) for name in ("a.json", "b.json"))
        assert mitigated.column("altered_fraction") == [1.0]
        assert plain.column("altered_fraction") == [0.0]
        assert mitigated.column("teacher_accuracy") == plain.column("teacher_accuracy")

    @pytest.mark.parametrize(
        ("out", "path"),
        [
            ("run.json", "run.json"),
            ("new/run.json", "new/run.json"),
            ("folder", "folder/halve.json"),
            ("new/folder/", "new/folder/halve.json"),
            ("there", "there/halve.json"),
            ("there.json", "there.json/halve.json"),
        ],
    )
    def test_out_is_a_file_or_a_folder(
        self, out: str, path: str, type_in: Terminal, halve: Path, tmp_path: Path
    ) -> None:
        for name in ("there", "there.json"):
            (tmp_path / name).mkdir()
        done = type_in("run", halve, *ON_TINY, "--seeds", "2", "--out", out, "--store", "kept")
        assert done.code == 0, done.err
        assert path in done.out
        written = [
            name for name in files_in(tmp_path) if not name.startswith(("kept", "halve."))
        ]
        assert written == [path]
        run = read_run(tmp_path / path)
        assert run.seed_numbers == (2,)
        assert run.mitigation.name == "halve"

    def test_out_holds_the_seeds_asked_for_whatever_the_store_holds(
        self, type_in: Terminal
    ) -> None:
        type_in("run", "baseline", *ON_TINY, "--seeds", "1-3")
        type_in("run", "baseline", *ON_TINY, "--seeds", "2", "--out", "run.json")
        assert read_run(Path("run.json")).seed_numbers == (2,)

    def test_the_store_is_the_option_else_the_variable_else_a_folder_here(
        self, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        type_in("run", "baseline", *ON_TINY, "--seeds", "1")
        monkeypatch.setenv("SUBLIMINAL_BENCH_STORE", str(tmp_path / "variable"))
        type_in("run", "baseline", *ON_TINY, "--seeds", "1")
        type_in("run", "baseline", *ON_TINY, "--seeds", "1", "--store", tmp_path / "option")
        found = {one.name for one in tmp_path.iterdir()}
        assert found == {"subliminal-results", "variable", "option"}
        assert len({len(files_in(tmp_path / name)) for name in found}) == 1

    def test_settings_reach_the_mitigation_and_the_scorecard(
        self, type_in: Terminal, halve: Path
    ) -> None:
        done = type_in(
            "run", halve, *ON_TINY, "--seeds", "1", "--set", "factor=0", "--out", "r.json"
        )
        assert "factor=0.0" in done.out
        assert read_run(Path("r.json")).column("cosine_mean_post") == [0.0]

    @pytest.mark.parametrize("form", ["markdown", "json"])
    def test_other_formats_have_standard_output_to_themselves(
        self, form: str, type_in: Terminal
    ) -> None:
        done = type_in(
            "run", "liminal", *ON_TINY, "--seeds", "1-2", "--format", form, "--out", "run.json"
        )
        assert done.code == 0, done.err
        if form == "json":
            assert json.loads(done.out)["seeds"] == [1, 2]
        else:
            assert done.out.startswith("## liminal")
            assert "written:" not in done.out


class TestFailingHooks:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("return loss.mean()", "shape []"),
            ("return loss.double()", "dtype torch.float64"),
            ("return loss * float('nan')", "not finite"),
            ("return loss.detach()", "detached from the graph"),
            ("pass", "None"),
            ("1 / 0", "failing.py, line 9"),
            ("return loss.view(7)", "failing.py, line 9"),
            ("return __import__('torch').einsum('ij->i', loss)", "failing.py, line 9"),
        ],
    )
    def test_one_line_names_hook_seed_step_and_no_entry_is_written(
        self, body: str, said: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        write(
            tmp_path / "failing.py",
            f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('failing', 'Failing')\n\n"
            f"@hookimpl\ndef distill_loss(loss):\n    {body}\n",
        )
        done = type_in("run", "failing.py", *ON_TINY, "--seeds", "3-4", "--out", "run.json")
        for words in ["failing", "distill_loss", "seed 3", "step 0", said]:
            assert words in done.error
        assert done.out == ""
        # The teacher that was finished before is kept, and nothing else; locks stay, empty.
        written = [
            name for name in files_in(tmp_path) if name != "failing.py" and ".locks" not in name
        ]
        assert all(re.search(r"teachers-\w+/seed-0003\.safetensors$", name) for name in written)

    def test_a_gradient_hook_is_named_too(self, type_in: Terminal, tmp_path: Path) -> None:
        path = write(
            tmp_path / "failing.py",
            f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('failing', 'Failing')\n\n"
            "@hookimpl\ndef distill_gradient(gradient, step):\n"
            "    return gradient if step.index < 4 else gradient[:, 1:]\n",
        )
        done = type_in("run", path, *ON_TINY, "--seeds", "2")
        for words in ["failing", "distill_gradient", "seed 2", "step 4", "shape"]:
            assert words in done.error

    def test_an_interruption_is_one_line_and_keeps_what_is_finished(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(
            tmp_path / "failing.py",
            f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('failing', 'Failing')\n\n"
            "@hookimpl\ndef distill_loss(loss, step):\n"
            "    if 2 in step.seeds:\n        raise KeyboardInterrupt\n    return loss\n",
        )
        done = type_in("run", path, *ON_TINY, "--seeds", "1-2")
        assert done.code == 130
        assert done.err.splitlines()[-1].startswith("error: interrupted")
        assert len(list(tmp_path.rglob("failing-*/seed-0001.json"))) == 1
        assert not list(tmp_path.rglob("failing-*/seed-0002.*"))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")
class TestIsolated:
    def test_a_run_says_that_it_was_isolated_and_has_a_folder_of_its_own(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        tiny = ("--protocol", "tiny", "--seeds", "1")
        apart = type_in("run", "baseline", *tiny, "--isolate", "--out", "a.json")
        assert apart.code == 0, apart.err
        level = "process" if isinstance(find_bubblewrap(), Lack) else "sandbox"
        assert f"ran in a {level} of its own" in " ".join(apart.out.split())
        plain = type_in("run", "baseline", *tiny, "--out", "b.json")
        assert "process" not in plain.out
        assert "sandbox" not in plain.out
        ours, theirs = (json.loads(Path(name).read_text()) for name in ("a.json", "b.json"))
        assert ours["isolation"]["network"] in ("none", "shared")
        assert ("sandbox" in ours["isolation"]) == (level == "sandbox")
        assert "isolation" not in theirs
        assert ours["seeds"] == theirs["seeds"]
        assert len(list(tmp_path.glob("subliminal-results/tiny-v*/baseline-*"))) == 2

    def test_an_end_is_exit_code_2_and_leaves_no_result(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(
            tmp_path / "sly.py", source(hook(UPDATE, "os._exit(0)"), before="import os\n")
        )
        done = type_in("run", path, "--protocol", "tiny", "--seeds", "1", "--isolate")
        assert "hook parameter_update, seed 1, step 0: its process ended" in done.error
        assert not list(tmp_path.glob("subliminal-results/*/idea-*/*.json"))

    def test_its_limits_go_with_it(self, type_in: Terminal) -> None:
        assert "--isolate" in type_in("run", "baseline", "--isolate-timeout", "5").error


def test_a_cluster_and_isolation_exclude_each_other(type_in: Terminal) -> None:
    done = type_in("run", "liminal", "--protocol", "tiny", "--isolate", "--engine", "ray")
    assert "leave out --engine or --isolate" in done.error
