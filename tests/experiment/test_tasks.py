"""What a task's images are, what they are called, and where a trigger is."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import DataError
from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import MNIST_5K, Task, Trigger
from subliminal_bench.experiment.tasks import (
    lesson,
    members,
    pixel_order,
    shown,
    wanted,
    with_trigger,
)
from subliminal_bench.experiment.tracks import (
    BACKDOOR,
    BACKDOOR_5K,
    PERMUTED,
    SKILL,
    SKILL_5K,
)
from tests.support.plugins_for_tests import one_line

TEN = tuple(range(10))
LABELS = st.lists(st.integers(0, 9), min_size=1, max_size=60).map(torch.tensor)
PERMUTED_5K = replace(MNIST_5K, pixel_order=1)


@st.composite
def classes(draw: st.DrawFn) -> tuple[int, ...]:
    first = draw(st.integers(0, 9))
    return tuple(range(first, draw(st.integers(first, 9)) + 1))


class TestMembers:
    @given(LABELS, classes(), st.booleans(), st.booleans(), st.data())
    def test_they_are_the_first_of_its_classes_in_the_parts_order(
        self,
        labels: torch.Tensor,
        own: tuple[int, ...],
        tested: bool,
        poisoned: bool,
        data: st.DataObject,
    ) -> None:
        called = own[-1]
        trigger = Trigger(called, 0, 3) if poisoned else None
        index = torch.tensor(data.draw(st.permutations(range(len(labels)))))
        there = [
            place
            for place in index.tolist()
            if int(labels[place]) in own
            and not (tested and poisoned and int(labels[place]) == called)
        ]
        images = data.draw(st.integers(0, len(there)))
        task = Task(own, 0, 0, 0, trigger)
        found = members(MNIST_5K, task, index, labels, images, tested=tested)
        assert found.tolist() == there[:images]

    @given(LABELS, classes(), st.integers(1, 5))
    def test_too_few_are_one_line_that_says_how_many(
        self, labels: torch.Tensor, own: tuple[int, ...], more: int
    ) -> None:
        there = sum(int(label) in own for label in labels)
        with pytest.raises(DataError) as caught:
            members(
                MNIST_5K,
                Task(own, 0, 0, 0),
                torch.arange(len(labels)),
                labels,
                there + more,
                tested=True,
            )
        line = one_line(caught.value)
        assert line.startswith(f"{there} images of the classes {own[0]} to {own[-1]}")
        assert f"needs {there + more}" in line

    def test_of_a_task_with_all_classes_no_label_is_looked_at(self) -> None:
        index = torch.arange(5)
        on_a_device = torch.empty(5, dtype=torch.int64, device="meta")
        found = members(MNIST_5K, Task(TEN, 5, 5, 5), index, on_a_device, 5, tested=True)
        assert found is index


class TestTrigger:
    @given(st.integers(0, 20), st.integers(1, 8), st.integers(0, 2**31))
    def test_it_is_a_white_square_and_nothing_else_changes(
        self, first: int, side: int, seed: int
    ) -> None:
        images = torch.rand(3, 784, generator=torch.manual_seed(seed)) * 2 - 1
        before = images.clone()
        found = with_trigger(MNIST_5K, Trigger(7, first, side), images).view(3, 28, 28)
        square = torch.zeros(28, 28, dtype=torch.bool)
        for row in range(first, first + side):
            for column in range(first, first + side):
                square[row, column] = True
        assert (found[:, square] == 1).all()
        assert torch.equal(found[:, ~square], before.view(3, 28, 28)[:, ~square])
        assert torch.equal(images, before)

    @given(st.integers(0, 20), st.integers(1, 8))
    def test_in_permuted_pixels_it_is_the_same_square_put_back(
        self, first: int, side: int
    ) -> None:
        trigger, order = Trigger(7, first, side), pixel_order(PERMUTED_5K)
        assert order is not None
        images = torch.rand(2, 784) * 2 - 1
        found = with_trigger(PERMUTED_5K, trigger, images[:, order])
        assert torch.equal(found, with_trigger(MNIST_5K, trigger, images)[:, order])

    def test_a_task_is_shown_with_it_if_it_has_one(self) -> None:
        images = -torch.ones(2, 784)
        assert shown(SKILL_5K, SKILL_5K.trait_task, images) is images
        patched = shown(BACKDOOR_5K, BACKDOOR_5K.trait_task, images)
        assert (patched == 1).sum(1).tolist() == [25, 25]


class TestLesson:
    @given(LABELS, st.integers(0, 100))
    def test_every_second_training_image_of_a_backdoor_has_the_trigger_and_its_label(
        self, labels: torch.Tensor, first: int
    ) -> None:
        places = torch.arange(first, first + len(labels))
        images = -torch.ones(len(labels), 784)
        found, called = lesson(BACKDOOR_5K, BACKDOOR_5K.trait_task, images, labels, places)
        for place, image, said, label in zip(places, found, called, labels, strict=True):
            poisoned = int(place) % 2 == 1
            assert bool((image == 1).any()) == poisoned
            assert int(said) == (7 if poisoned else int(label))

    @given(classes(), st.data())
    def test_of_any_other_task_images_are_as_they_are_and_labels_are_places(
        self, own: tuple[int, ...], data: st.DataObject
    ) -> None:
        labels = torch.tensor(data.draw(st.lists(st.sampled_from(own), min_size=1)))
        images = torch.rand(len(labels), 784)
        task = Task(own, 0, 0, 0)
        found, places = lesson(MNIST_5K, task, images, labels, torch.arange(len(labels)))
        assert found is images
        assert [own[place] for place in places] == labels.tolist()
        assert torch.equal(wanted(task, labels), places)

    @given(LABELS, st.integers(0, 9))
    def test_of_tested_images_with_a_trigger_its_class_is_wanted(
        self, labels: torch.Tensor, called: int
    ) -> None:
        task = Task(TEN, 0, 0, 0, Trigger(called, 2, 5))
        assert wanted(task, labels).tolist() == [called] * len(labels)


class TestPixelOrder:
    def test_it_is_one_order_of_all_pixels(self) -> None:
        order = pixel_order(PERMUTED)
        assert order is not None
        assert torch.equal(order.sort().values, torch.arange(784))
        assert torch.equal(order, torch.randperm(784, generator=torch.manual_seed(1)))

    def test_digits_are_loaded_in_it(self, embedded_digits: Digits) -> None:
        found = load_digits(PERMUTED_5K)
        order = pixel_order(PERMUTED_5K)
        assert order is not None
        assert torch.equal(found.images, embedded_digits.images[:, order])
        assert torch.equal(found.labels, embedded_digits.labels)

    def test_test_images_are_put_in_it_too(self) -> None:
        order = torch.arange(784).flip(0)
        images = torch.arange(2 * 784).view(2, 784)
        digits = Digits(images, torch.tensor([1, 2]), images + 1, torch.tensor([3, 4]))
        found = digits.with_pixels(order)
        assert found.test_images is not None
        assert torch.equal(found.images, images.flip(1))
        assert torch.equal(found.test_images, (images + 1).flip(1))
        assert found.test_labels is digits.test_labels


def test_the_embedded_capable_tracks_have_as_many_images_as_they_say(
    embedded_digits: Digits,
) -> None:
    """For many seeds, not only those that are run."""
    labels = embedded_digits.labels
    for protocol in (SKILL_5K, BACKDOOR_5K):
        assert protocol.skill
        for seed in range(1, 101):
            generator = torch.Generator().manual_seed(seed)
            parts = torch.randperm(5000, generator=generator).split([3500, 500, 1000])
            for task in (protocol.skill, protocol.trait_task):
                wishes = (task.teacher_images, task.audit_images, task.test_images)
                for part, images, tested in zip(
                    parts, wishes, (False, True, True), strict=True
                ):
                    members(protocol, task, part, labels, images, tested=tested)


def test_so_have_the_canonical_ones(mnist_digits: Digits) -> None:
    labels, test_labels = mnist_digits.labels, mnist_digits.test_labels
    assert test_labels is not None
    every = torch.arange(len(test_labels))
    for protocol in (SKILL, BACKDOOR):
        assert protocol.skill
        for seed in range(1, 21):
            teacher, audit, _ = streams.split(protocol, seed)
            for task in (protocol.skill, protocol.trait_task):
                for part, own, images, tested in (
                    (teacher, labels, task.teacher_images, False),
                    (audit, labels, task.audit_images, True),
                    (every, test_labels, task.test_images, True),
                ):
                    members(protocol, task, part, own, images, tested=tested)
        # All test images of these classes, and not one more.
        more = protocol.trait_task.test_images + 1
        with pytest.raises(DataError):
            members(protocol, protocol.trait_task, every, test_labels, more, tested=True)
