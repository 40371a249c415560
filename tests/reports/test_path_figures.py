"""The figures of paths have a curve per track, and files for other pages."""

import csv
import io

import numpy as np
import pytest

from subliminal_bench.reports import path_figures
from subliminal_bench.reports.style import light
from subliminal_bench.scoring.path_shapes import WAY, PathShape


def shape(track: str, bend: float = 1.0, seeds: int = 4) -> PathShape:
    gain = 0.3 * WAY**bend
    kl = np.geomspace(0.008, 0.001, len(WAY))
    return PathShape(track, seeds, 0.4, kl, gain, 0.1 * gain)


SHAPES = [shape("here"), shape("there", 2), shape("elsewhere", 3), shape("nowhere", 0.5)]


def test_side_by_side_every_track_has_a_panel_with_the_others_behind_its_curve() -> None:
    drawn = path_figures.side_by_side(SHAPES)
    panels = [axes for axes in drawn.figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == [one.track for one in SHAPES]
    for axes, one in zip(panels, SHAPES, strict=True):
        *others, own, half = axes.get_lines()
        assert len(others) == len(SHAPES)
        assert np.array(own.get_ydata()) == pytest.approx(100 * (one.start + one.gain))
        assert np.array(half.get_xdata()) == pytest.approx([1e3 * one.half_kl])
        assert axes.get_xscale() == "log"
    assert "here from 40.0 % at 8.00 mnat to 70.0 % at 1.00 mnat, half" in drawn.description


def test_in_one_panel_every_track_has_a_look_of_its_own() -> None:
    many = [shape(f"track-{place}", 1 + place / 10) for place in range(12)]
    looks = {(look.colour, look.dashes) for look in map(path_figures.look, range(len(many)))}
    assert len(looks) == len(many)
    (axes,) = path_figures.in_one(many, "kl").figure.axes
    drawn = [line.get_color() for line in axes.get_lines()[:12]]
    assert drawn == [light(path_figures.look(place).colour) for place in range(12)]


@pytest.mark.parametrize("against", path_figures.AGAINST)
def test_in_one_panel_all_shares_end_at_a_hundred(against: path_figures.Against) -> None:
    drawn = path_figures.in_one(SHAPES, against)
    (axes,) = drawn.figure.axes
    curves = axes.get_lines()[: len(SHAPES)]
    assert [np.array(line.get_ydata())[-1] for line in curves] == pytest.approx([100] * 4)
    across = np.array(curves[0].get_xdata())
    assert across == pytest.approx(1e3 * SHAPES[0].kl if against == "kl" else 100 * WAY)
    assert "points from their mean, root mean square" in drawn.description


def test_a_share_that_is_all_noise_does_not_press_the_others_together() -> None:
    wild = PathShape("wild", 2, 0.4, SHAPES[0].kl, 0.01 * WAY + np.sin(9 * WAY), 0.1 * WAY)
    (axes,) = path_figures.in_one([*SHAPES, wild], "way").figure.axes
    low, high = axes.get_ylim()
    assert low >= -15
    assert high <= 120


def test_the_table_says_where_half_is_and_how_far_apart() -> None:
    table = path_figures.numbers(SHAPES)
    rows = {row[0]: dict(zip(table.headings, row, strict=True)) for row in table.rows}
    assert list(rows) == [*(one.track for one in SHAPES), "all"]
    assert rows["here"]["half, way [%]"] == "50"
    assert rows["here"]["half, KL [mnat]"] == "2.83"
    assert rows["there"]["half, way [%]"] == "71"
    assert float(rows["all"]["apart, way"]) > 0
    assert rows["here"]["seeds' SD"] != "—"


def test_one_track_or_one_seed_has_nothing_to_be_compared_with() -> None:
    table = path_figures.numbers([shape("here", seeds=1)])
    (row,) = table.rows
    assert row[-3:] == ["—", "—", "—"]


def test_the_files_are_drawings_and_every_number_behind_them() -> None:
    files = path_figures.path_shape_files(SHAPES[-1:])
    assert sorted(files) == [
        *("path_shapes.csv", "path_shapes.svg", "path_shapes_kl.svg", "path_shapes_way.svg"),
    ]
    for name, content in files.items():
        # The paper's colour is below the drawing, wherever it is shown.
        assert name.endswith(".csv") or light("paper").encode() in content
    rows = list(csv.DictReader(io.StringIO(files["path_shapes.csv"].decode())))
    assert len(rows) == len(WAY)
    assert rows[-1]["track"] == "nowhere"
    assert float(rows[-1]["share"]) == 1
    assert float(rows[-1]["latent"]) == pytest.approx(0.7)
