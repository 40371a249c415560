"""The Python API gives what the commands give, as frames."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest

import subliminal_bench as sb
from subliminal_bench import shipped
from subliminal_bench.api import Finished
from subliminal_bench.errors import (
    BenchmarkError,
    MitigationError,
    ProtocolError,
    ResultError,
    SeedsError,
)
from subliminal_bench.experiment.metrics import CURVES, METRICS
from subliminal_bench.experiment.protocol import MNIST, Protocol
from subliminal_bench.experiment.readers import READERS
from subliminal_bench.results.run import write_run
from subliminal_bench.results.store import Store
from subliminal_bench.running import jobs
from subliminal_bench.scoring.scorecard import build_scorecard
from tests.support.cells import Notebook
from tests.support.judged import BASELINE, dropped
from tests.support.plugins_for_tests import scaling_source, write
from tests.support.runs import keep, make_run
from tests.support.terminal import Terminal

LEVELS = [0.5, 0.52, 0.55, 0.6, 0.48, 0.51, 0.57]

IDENTITY = ["mitigation", "settings", "protocol"]


def within_itself() -> list[Any]:
    """A list that contains itself."""
    values: list[Any] = []
    values.append(values)
    return values


def scored(name: object = "liminal", seeds: object = "1-2", **options: object) -> Finished:
    arguments = {"protocol": "tiny", "seeds": seeds, "device": "cpu", "quiet": True} | options
    return sb.run(name, **arguments)  # type: ignore[arg-type]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A store with finished runs of all references."""
    for name, less in (("baseline", 0.0), ("projection", 0.4), ("liminal", 0.05)):
        access = "trait-gradient" if name == "projection" else "blind"
        trait = [level - less - 0.001 * place for place, level in enumerate(LEVELS)]
        keep(tmp_path, make_run(name, trait, access=access))  # type: ignore[arg-type]
    return tmp_path


@pytest.mark.usefixtures("tiny")
class TestRun:
    def test_it_prints_what_the_command_prints(self, type_in: Terminal) -> None:
        typed = type_in(
            *("run", "liminal", "--protocol", "tiny", "--seeds", "1-2", "--device", "cpu")
        )
        assert str(scored()) == scored().summary() == typed.out
        markdown = type_in(
            *("run", "liminal", "--protocol", "tiny", "--seeds", "1-2", "--device", "cpu"),
            *("--format", "markdown"),
        )
        assert scored()._repr_markdown_() == markdown.out

    def test_a_frame_has_a_row_a_seed_as_the_export_has(self, type_in: Terminal) -> None:
        found = scored()
        frame = found.frame()
        assert list(frame.columns) == ["seed", *METRICS, "diverged_at", *IDENTITY]
        type_in("export", "liminal", "--protocol", "tiny", "--out", "rows.csv")
        exported = pandas.read_csv("rows.csv")
        for name in ("seed", *METRICS):
            assert list(frame[name]) == pytest.approx(list(exported[name]), rel=1e-14)
        assert found.frame("baseline").altered_fraction.sum() == 0

    def test_curves_have_a_row_a_seed_and_step(self, tiny: Protocol, tmp_path: Path) -> None:
        curves = scored(store=tmp_path).curves()
        assert set(curves.columns) == {"seed", "step", *CURVES}
        assert len(curves) == 2 * tiny.student_steps
        tested = curves[curves.test_accuracy.notna()]
        assert set(tested.step) == set(range(0, tiny.student_steps, tiny.test_every))
        first = curves[(curves.seed == 2) & (curves.step == 0)]
        untrained = scored(store=tmp_path).frame().initial_accuracy[1]
        assert first.test_accuracy.item() == pytest.approx(untrained)

    @pytest.mark.parametrize("seeds", ["1,3", [1, 3], (3, 1), range(1, 4, 2)])
    def test_seeds_are_text_or_numbers(self, seeds: object, tmp_path: Path) -> None:
        assert list(scored(seeds=seeds, store=tmp_path).frame().seed) == [1, 3]

    @pytest.mark.parametrize("seeds", ["", [], [0], [1, 1], [1.5], "1;2"])
    def test_other_seeds_are_refused(self, seeds: object, tmp_path: Path) -> None:
        with pytest.raises(SeedsError):
            scored(seeds=seeds, store=tmp_path)
        assert not list(tmp_path.iterdir())

    def test_settings_reach_the_mitigation(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", scaling_source())
        found = sb.run(
            path,
            protocol="tiny",
            seeds=[1],
            settings={"factor": 0.0},
            device="cpu",
            store=tmp_path,
        )
        assert list(found.frame().cosine_mean_post) == [0.0]
        assert found.run().mitigation.label == "halve (factor=0.0)"

    def test_a_cell_runs_once_and_is_found_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = scaling_source()
        first = scored(Notebook().run(source)["mitigation"], store=tmp_path)

        def forbidden(*arguments: object) -> None:
            raise AssertionError("this must not be trained again")

        monkeypatch.setattr(jobs, "train_students", forbidden)
        again = scored(Notebook().run(source)["mitigation"], store=tmp_path)
        assert again.frame().equals(first.frame())
        assert first.frame().altered_fraction.tolist() == [1.0, 1.0]

    def test_isolated_it_gives_the_same_numbers(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", scaling_source())
        apart = scored(path, "1", store=tmp_path, isolate=True)
        assert apart.frame().equals(scored(path, "1", store=tmp_path).frame())
        with pytest.raises(MitigationError, match="another process loads"):
            scored(Notebook().run(scaling_source())["mitigation"], isolate=True)

    def test_progress_goes_to_standard_error(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        scored(store=tmp_path, quiet=False)
        assert capsys.readouterr().out == ""

    def test_a_mistake_is_one_line(self, tmp_path: Path) -> None:
        for options in ({"protocol": "tinny"}, {"device": "tpu"}, {"settings": {"a": 1}}):
            with pytest.raises(BenchmarkError) as caught:
                scored(store=tmp_path, **options)
            assert len(str(caught.value).splitlines()) == 1

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"settings": within_itself()}, "settings must be a dictionary"),
            ({"settings": "temperature=3"}, "settings must be a dictionary"),
            ({"settings": {"temperature": within_itself()}}, "temperature"),
            ({"settings": {"\udcff": 1}}, "has no parameter"),
            ({"store": 5}, "store must be a folder's path"),
            ({"data_dir": 5}, "data_dir must be a folder's path"),
            ({"seeds": within_itself()}, "cannot read seeds"),
            ({"device": 3}, "unknown device"),
            ({"protocol": None}, "unknown protocol"),
            ({"protocol": []}, "unknown protocol"),
            ({"engine": 10**5000}, "unknown engine <int>"),
            ({"settings": {"temperature": 10**5000}}, "too many digits"),
            ({"settings": {"temperature": None}}, "temperature must be a number"),
            ({"settings": {"temperature=3, lambda0": 1}}, "not the name of a parameter"),
            ({"store": "\0"}, "no path contains such characters"),
            ({"data_dir": "\ud800"}, "no path contains such characters"),
            ({"seeds": None}, "cannot read seeds None"),
            ({"seeds": b"1"}, "cannot read seeds b'1'"),
            ({"isolate": "no"}, "isolate must be True or False"),
            ({"isolate_timeout": "5"}, "the limit '5' is not a number"),
        ],
        ids=lambda one: one if isinstance(one, str) else ascii(list(one)),
    )
    def test_an_argument_of_another_kind_is_one_line(
        self, options: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        with pytest.raises(BenchmarkError, match=said) as caught:
            scored(**{"store": tmp_path, **options})
        assert len(str(caught.value).splitlines()) == 1
        assert not list(tmp_path.iterdir())

    def test_the_variable_names_the_store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUBLIMINAL_BENCH_STORE", str(tmp_path / "named"))
        assert scored("baseline", "1").store.root == tmp_path / "named"
        assert (tmp_path / "named").is_dir()


class TestScore:
    def test_nothing_is_run(self) -> None:
        found = sb.score("liminal", protocol="mnist", store="there-is-none")
        assert found.verdict == "slows"
        assert found.names == ("liminal", "baseline", "projection")
        with pytest.warns(UserWarning, match="rerun_references=True runs it here"):
            assert found.curves().empty
        with pytest.warns(UserWarning, match="has no curves"):
            assert set(CURVES) < set(found.curves().columns)

    def test_every_reader_is_a_row_and_the_largest_share_decides(self) -> None:
        card = build_scorecard(dropped(), {"baseline": BASELINE})
        found = sb.Finished(card, Store(Path("there-is-none")))
        frame = found.readers()
        assert list(frame.reader) == [*READERS, "noise_fit"]
        assert found.prevention == pytest.approx(1 - frame.share[:-1].max())
        assert (frame.low <= frame.share).all()
        assert (frame.share <= frame.high).all()
        assert frame.enough.all()

    def test_it_shows_itself_in_one_line(self) -> None:
        found = sb.score("liminal", protocol="mnist", store="there-is-none")
        assert repr(found) == (
            "<liminal, baseline, projection; liminal, blind · mnist-v1 · "
            "seeds 1-20 (n = 20): slows>"
        )

    def test_a_run_can_be_given_by_file_and_by_itself(self, tmp_path: Path) -> None:
        run = make_run("idea", [0.3] * 7)
        write_run(tmp_path / "idea.json", run)
        by_file = sb.score(tmp_path / "idea.json", store=tmp_path)
        assert by_file.summary() == sb.score(run, store=tmp_path).summary()
        assert sb.score(by_file, store=tmp_path).summary() == by_file.summary()

    @pytest.mark.parametrize("finished", [5, None, [], within_itself(), b"liminal"], ids=ascii)
    def test_what_names_no_run_is_one_line(self, finished: Any) -> None:
        for ask in (sb.score, lambda one: sb.compare(one, "liminal")):
            with pytest.raises(BenchmarkError, match="its name, its file or a Run") as caught:
                ask(finished)
            assert len(str(caught.value).splitlines()) == 1

    def test_another_name_is_refused_with_those_there_are(self) -> None:
        found = sb.score("liminal", protocol="mnist", store="there-is-none")
        with pytest.raises(ResultError, match="liminal, baseline, projection"):
            found.frame("limnal")


class TestCompare:
    def test_every_pair_is_a_row(self, kept: Path, type_in: Terminal) -> None:
        found = sb.compare("baseline", "projection", "liminal", protocol="mnist", store=kept)
        rows = found.comparisons()
        assert list(rows.entry) == ["baseline", "baseline", "projection"]
        assert list(rows.reference) == ["projection", "liminal", "liminal"]
        assert rows.difference[0] == pytest.approx(0.4)
        assert found.verdict is None
        typed = type_in(
            *("compare", "baseline", "projection", "liminal"),
            *("--protocol", "mnist", "--store", kept),
        )
        assert found.summary() == typed.out

    def test_runs_and_names_mix(self, kept: Path) -> None:
        idea = make_run("idea", [0.3] * 5)
        found = sb.compare(idea, "baseline", idea, protocol="mnist", store=kept)
        assert found.names == ("idea", "baseline", "idea*")
        assert list(found.frame("baseline").seed) == [1, 2, 3, 4, 5]

    def test_one_alone_is_refused(self, kept: Path) -> None:
        for given in (["baseline"], [make_run("idea", [0.3])], []):
            with pytest.raises(ResultError):
                sb.compare(*given, store=kept)

    def test_different_protocols_are_never_compared(self, kept: Path, tiny: Protocol) -> None:
        with pytest.raises(ProtocolError):
            sb.compare(
                make_run("idea", [0.3]), make_run("other", [0.3], protocol=tiny), store=kept
            )


class TestLeaderboardFrame:
    def test_it_has_the_rows_of_the_page_in_its_order(self) -> None:
        frame = sb.leaderboard_frame()
        page = (shipped.folder("leaderboard") / "README.md").read_text()
        table = page.partition("## What this table")[0]
        rows = [line.split("|")[1:-1] for line in table.splitlines() if "±" in line]
        assert list(frame.entry) == [row[1].strip().replace("\\", "") for row in rows]
        trait = METRICS["trait_accuracy"]
        shown = [trait.show(value) for value in frame.trait_accuracy]
        assert [row[4].split()[0] for row in rows] == shown
        assert list(frame.verdict) == [row[2].strip() for row in rows]

    def test_another_folder_can_be_read(self, tmp_path: Path) -> None:
        for name in ("baseline", "projection", "liminal"):
            access = "trait-gradient" if name == "projection" else "blind"
            run = make_run(name, LEVELS * 3, access=access)  # type: ignore[arg-type]
            assert run.protocol.label == MNIST.label
            write_run(tmp_path / "entries" / f"{name}.json", run)
        assert set(sb.leaderboard_frame(tmp_path).seeds) == {21}


def test_importing_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    probe = (
        "import sys, subliminal_bench as sb\n"
        "assert not {'torch', 'pandas', 'numpy', 'rich'} & set(sys.modules)\n"
        "assert set(sb._HOMES) == set(sb.__all__) - {'__version__'}\n"
        "assert sb.run.__module__ == 'subliminal_bench.api.runs'\n"
        "from subliminal_bench.scoring import ranking\n"
        "assert ranking.rank_entries\n"
    )
    root = Path(sb.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
    )
