"""A mitigation on several tracks from Python: what the command prints, as frames."""

import json
import math
from pathlib import Path

import pytest

import subliminal_bench as sb
from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.robust import TOLERANCES, RobustScorecard, TrackRow
from subliminal_bench.scoring.scorecard import build_scorecard
from tests.support.capable import capable
from tests.support.judged import BASELINE, DROPS, LEVELS, dropped
from tests.support.plugins_for_tests import one_line
from tests.support.terminal import Terminal
from tests.support.varied import SHORT_TRACKS

NAMES = "short,short-fashion,short-skill"


@pytest.fixture(autouse=True)
def _short_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, protocol in SHORT_TRACKS.items():
        monkeypatch.setitem(PROTOCOLS, name, protocol)


@pytest.fixture
def judged(tmp_path: Path) -> sb.FinishedTracks:
    """A made scorecard, in which something can be judged."""
    mitigates = build_scorecard(dropped(), {"baseline": BASELINE})
    broken = build_scorecard(
        capable("idea", list(LEVELS - DROPS), skill=0.2),
        {"baseline": capable("baseline", list(LEVELS))},
    )
    rows = (
        TrackRow("mnist", mitigates, None, {"other": 0.2}),
        TrackRow("skill", broken, None, {"other": 0.4}),
        TrackRow("fashion", None, "no file", {}),
    )
    return sb.FinishedTracks(RobustScorecard("idea", rows), Store(tmp_path))


def test_python_and_the_command_line_end_in_the_same_scorecard(
    type_in: Terminal, tmp_path: Path
) -> None:
    """One failing track leaves an exit code of 1, and the others' runs in a folder."""
    options = ("--seeds", "1", "--device", "cpu", "--data-dir", "nothing", "--store", "store")
    typed = type_in("run", "baseline", "--track", NAMES, *options, "--out", "kept")
    assert typed.code == 1
    assert "no Fashion-MNIST file" in typed.out
    assert "--data-dir must name" in " ".join(typed.out.split())
    kept = sorted(str(one) for one in Path("kept").rglob("*.json"))
    assert kept == ["kept/short-skill/baseline.json", "kept/short/baseline.json"]
    assert [f"written: {name}" in typed.out for name in kept] == [True, True]
    found = sb.run_on_tracks(
        "baseline",
        NAMES.split(","),
        seeds=1,
        device="cpu",
        data_dir="nothing",
        store="store",
        quiet=True,
    )
    spelled = typed.out.replace("--data-dir", "data_dir=...")
    table = str(found).partition("\n\n")[0]
    assert table in spelled
    again = type_in("run", "baseline", "--track", NAMES, *options, "--format", "json")
    assert again.code == 1
    content = json.loads(again.out)
    assert list(content["tracks"]) == NAMES.split(",")
    frame = found.frame()
    assert list(frame.track) == NAMES.split(",")
    assert list(frame.seeds) == [1, 0, 1]
    assert math.isnan(frame.skill[0])
    skill = content["tracks"]["short-skill"]
    assert (frame.skill[2], frame.base[2]) == (
        skill["skill_accuracy"],
        skill["skill_accuracy_initial"],
    )
    assert repr(found) == "<baseline on 3 tracks>"


def test_a_frame_has_what_the_scorecard_has(judged: sb.FinishedTracks) -> None:
    frame = judged.frame().set_index("track")
    content = json.loads(judged.summary("json"))["tracks"]
    assert frame.verdict["mnist"] == content["mnist"]["verdict"] == "mitigates"
    for column, name in (("prevention", "estimate"), ("low", "low"), ("high", "high")):
        assert frame[column]["mnist"] == content["mnist"]["prevention"][name]
        assert math.isnan(frame[column]["skill"])
        assert math.isnan(frame[column]["fashion"])
    assert frame.kl_ratio["mnist"] == content["mnist"]["kl_ratio"]
    assert frame.skill["skill"] == pytest.approx(0.2)
    assert frame.failed["fashion"] == "no file"
    assert frame.seeds["fashion"] == 0
    assert judged.worst == "skill"


def test_a_profile_has_a_row_per_entry(judged: sb.FinishedTracks) -> None:
    found = judged.profile()
    assert [float(one) for one in found.columns] == list(TOLERANCES)
    assert list(found.index) == ["idea", "other"]
    assert list(found.loc["other"]) == [1.0] * len(TOLERANCES)


def test_a_notebook_shows_tables(judged: sb.FinishedTracks) -> None:
    assert judged._repr_markdown_() == judged.summary("markdown")
    assert "| skill " in judged._repr_markdown_()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("short,shorter", "unknown protocol 'shorter'"),
        ("short,short", "'short' is named twice"),
        ("", "unknown protocol ''"),
    ],
)
def test_a_wrong_track_is_one_line_before_anything_is_run(
    names: str, said: str, type_in: Terminal, tmp_path: Path
) -> None:
    with pytest.raises(BenchmarkError) as caught:
        sb.run_on_tracks("baseline", names, store=tmp_path / "store", quiet=True)
    assert said in one_line(caught.value)
    typed = type_in("run", "baseline", "--track", names, "--store", tmp_path / "store")
    assert typed.error == str(caught.value)
    assert not (tmp_path / "store").exists()


def test_several_runs_do_not_fit_into_one_file(type_in: Terminal, tmp_path: Path) -> None:
    typed = type_in("run", "baseline", "--track", "short", "--out", "one.json", "--store", "s")
    assert "several tracks do not fit into one.json" in typed.error
    assert not Path("s").exists()
