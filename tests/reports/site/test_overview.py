"""The two pictures show every entry that was read, and the corner says whether it is empty."""

from dataclasses import replace

import numpy as np
import pytest

from subliminal_bench.reports.drawings import empty
from subliminal_bench.reports.site.labels import write_labels
from subliminal_bench.reports.site.material import Material
from subliminal_bench.reports.site.overview import (
    Spot,
    blind_front,
    open_corner,
    spots_of,
    what_nobody_reached,
    what_the_trait_is,
)
from subliminal_bench.reports.svg import svg_document
from subliminal_bench.reports.traits import mean_path
from subliminal_bench.scoring.scorecard import Scorecard


@pytest.fixture(scope="module")
def plain(material: Material) -> Scorecard:
    return material.tracks[0].cards["baseline"]


@pytest.fixture(scope="module")
def spots(material: Material) -> list[Spot]:
    return spots_of(material.rows)


def test_every_entry_that_was_read_has_a_point(
    spots: list[Spot], plain: Scorecard, material: Material
) -> None:
    assert len(spots) == len(material.rows) - 1
    drawn = what_the_trait_is(spots, plain)
    text = svg_document(drawn.figure, drawn.title)
    for name in ("untrained: the goal", "teacher", "plain distillation", "liminal"):
        assert f">{name}<" in text
    for name in ("untrained", "teacher", "plain distillation", "liminal"):
        assert name in drawn.description


def test_the_empty_corner_is_the_open_problem_and_a_blind_entry_closes_it(
    spots: list[Spot], plain: Scorecard
) -> None:
    path = mean_path(plain, "latent_accuracy")
    assert path is not None
    corner = open_corner(path, plain)
    assert corner.lowest < corner.highest
    outside = [
        replace(one, latent=corner.highest + 0.05, kl=2 * corner.most_kl) for one in spots
    ]
    oracle = [
        replace(one, latent=corner.lowest, kl=corner.most_kl)
        for one in spots
        if not one.is_blind
    ]
    open_still = what_nobody_reached([*outside, *oracle], plain)
    assert open_still is not None
    assert open_still.title.startswith("What nobody has reached")
    assert "nobody is here" in svg_document(open_still.figure, "")
    inside = replace(next(one for one in spots if one.is_blind), latent=corner.lowest, kl=1e-3)
    closed = what_nobody_reached([*outside, inside], plain)
    assert closed is not None
    assert "nobody is here" not in svg_document(closed.figure, "")
    assert "is reached" in closed.description


def test_the_front_is_of_the_blind_and_of_plain_distillation(
    spots: list[Spot], plain: Scorecard
) -> None:
    front = blind_front(spots, plain)
    kls, latents = zip(*front, strict=True)
    assert list(kls) == sorted(kls)
    assert list(latents) == sorted(latents, reverse=True)
    with_oracle = [
        replace(one, kl=1e-6, latent=0.0) if not one.is_blind else one for one in spots
    ]
    assert blind_front(with_oracle, plain) == front


def test_many_entries_are_all_drawn_and_few_are_named(
    spots: list[Spot], plain: Scorecard
) -> None:
    many = spots * 40
    drawn = what_the_trait_is(many, plain)
    assert f"{len(many) - 8} more entries are drawn without their names" in drawn.description


def test_labels_hide_neither_each_other_nor_the_points() -> None:
    figure, axes = empty((4.4, 3.4))
    places = [(0.5, 0.5), (0.52, 0.5), (0.5, 0.53), (0.99, 0.99)]
    axes.plot(*zip(*places, strict=True), "o")
    write_labels(
        figure, axes, ["one", "two", "three", "a name much longer than others"], places
    )
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts][3].endswith("…")
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
        for place in places:
            x, y = axes.transData.transform(place)
            assert not box.contains(x, y)
    inside = axes.get_window_extent()
    assert all(np.isfinite(box.extents).all() for box in boxes)
    assert boxes[3].x0 >= inside.x0
