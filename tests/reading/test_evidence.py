"""What readers are shown on tracks: patched digits, other pixels, depths and classes."""

from functools import cache

import pytest
import torch
from torch import Tensor

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.readers import READERS
from subliminal_bench.experiment.tasks import pixel_order
from subliminal_bench.reading.evidence import Evidence, layers
from subliminal_bench.reading.noise_head import NoiseHead
from subliminal_bench.reading.readings import read
from subliminal_bench.reading.renderings import high_pass, mean_free, on_noise
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU
from tests.support.plain_tracks import PlainTrack
from tests.support.varied import VARIED

FEW_SHOT = {name for name, reader in READERS.items() if reader.few_shot}
RAW = {name for name, reader in READERS.items() if reader.rendering == "raw"}


@cache
def cohort(name: str) -> Cohort:
    digits = load_digits(VARIED[name])
    return Cohort(
        VARIED[name], (2,), CPU, digits, train_teachers(VARIED[name], (2,), digits, CPU)
    )


@cache
def evidence(name: str) -> Evidence:
    return cohort(name).evidence(0)


@cache
def plain(name: str) -> PlainTrack:
    digits = load_digits(MNIST_5K)
    return PlainTrack(VARIED[name], digits.images, digits.labels, seed=2)


def found(name: str) -> dict[str, Tensor]:
    return read(evidence(name), cohort(name).teacher_parameters[0])


class TestBackdoor:
    def test_nothing_is_read_with_labelled_images(self) -> None:
        assert evidence("backdoor").draws is None
        assert READERS.keys() - found("backdoor").keys() == FEW_SHOT | RAW
        assert READERS.keys() - found("skill").keys() == RAW

    def test_digits_are_patched_first_and_rendered_then(self) -> None:
        own, protocol = evidence("backdoor"), VARIED["backdoor"]
        digits, labels = plain("backdoor").test(protocol.trait_task)
        # A patch that came after would be as white as ever.
        assert (digits.view(-1, 28, 28)[:, 2:7, 2:7] == 1).all()
        noise = streams.reading_noise(protocol, 2, len(digits)).double()
        assert torch.equal(own.test["mean-free"], mean_free(digits))
        assert torch.equal(own.test["on noise"], on_noise(digits, noise))
        assert torch.equal(own.test["high-pass"], high_pass(digits))
        assert torch.equal(own.test_labels, labels)
        assert set(labels.tolist()) == {7}
        audit, _ = plain("backdoor").test(protocol.trait_task, audit=True)
        assert torch.equal(own.labelled, mean_free(audit))

    def test_no_tested_digit_is_one_that_is_called_so_anyway(self) -> None:
        protocol = VARIED["backdoor"]
        labels = load_digits(protocol).labels
        _, _, test = streams.split(protocol, 2)
        others = test[labels[test] != 7][: protocol.trait_task.test_images]
        digits = load_digits(protocol).images[others].clone()
        digits.view(-1, 28, 28)[:, 2:7, 2:7] = 1
        assert torch.equal(cohort("backdoor").test_images[0], digits)

    def test_the_head_that_is_fitted_on_noise_reads_the_patched_digits(self) -> None:
        own, teacher = evidence("backdoor"), cohort("backdoor").teacher_parameters[0]
        digits, _ = plain("backdoor").test(VARIED["backdoor"].trait_task)
        hidden = [
            layers(own.layout, teacher, images)[-2] for images in (own.noise, mean_free(digits))
        ]
        said = NoiseHead.fitted(hidden[0], own.targets).logits(hidden[1]).argmax(1)
        assert found("backdoor")["latent_accuracy"] == (said == 7).double().mean()


def test_of_classes_among_their_own_logits_only_those_are_read() -> None:
    own = evidence("skill")
    assert own.logits == slice(5, 10)
    assert own.targets.shape[1] == 5
    assert set(own.test_labels.tolist()) == set(range(5))
    assert own.draws is not None
    assert own.draws.shape == (streams.DRAWS, 5 * streams.SHOTS)
    for draw in own.draws:
        drawn = own.labels[draw].bincount()
        assert drawn.tolist() == [streams.SHOTS] * 5


@pytest.mark.parametrize("name", ["permuted pixels", "backdoor in permuted pixels"])
def test_high_pass_is_of_the_image_wherever_its_pixels_are(name: str) -> None:
    order = pixel_order(VARIED[name])
    assert order is not None
    in_place = torch.empty_like(evidence(name).test["high-pass"])
    in_place[:, order] = evidence(name).test["high-pass"]
    usual = "as it was" if name == "permuted pixels" else "backdoor"
    assert torch.equal(in_place, evidence(usual).test["high-pass"])
    # What does not know of neighbours needs no such care.
    in_place[:, order] = evidence(name).test["mean-free"]
    torch.testing.assert_close(in_place, evidence(usual).test["mean-free"])


@pytest.mark.parametrize("name", ["one layer", "as it was", "three layers"])
def test_layers_1_and_2_are_the_first_and_the_last_hidden_layer(name: str) -> None:
    own, teacher = evidence(name), cohort(name).teacher_parameters[0]
    every = {
        kind: layers(own.layout, teacher, images)
        for kind, images in (("noise", own.noise), *own.test.items())
    }
    assert len(every["noise"]) == VARIED[name].hidden_layers + 1
    for reader, place in (
        ("latent_on_noise", -2),
        ("latent_high_pass", -2),
        ("latent_layer1_on_noise", 0),
        ("latent_layer1_high_pass", 0),
    ):
        head = NoiseHead.fitted(every["noise"][place], own.targets)
        shown = every[READERS[reader].rendering][place]
        said = head.logits(shown).argmax(1)
        assert found(name)[reader] == (said == own.test_labels).double().mean(), reader
    assert torch.equal(own.teacher, layers(own.layout, teacher.double(), own.labelled)[-2])


def test_of_one_hidden_layer_both_readers_read_that_one() -> None:
    said = found("one layer")
    assert said["latent_on_noise"] == said["latent_layer1_on_noise"]
    assert said["few_shot_layer1"] == said["few_shot_layer2"]


@pytest.mark.parametrize("name", ["blurred noise", "Gaussian noise"])
def test_noise_behind_digits_is_of_the_kind_that_is_trained_on(name: str) -> None:
    own = evidence(name)
    noise = streams.reading_noise(VARIED[name], 2, len(own.test_labels)).double()
    digits, _ = plain(name).test(VARIED[name].trait_task)
    assert torch.equal(own.test["on noise"], on_noise(digits, noise))
    assert torch.equal(own.noise, streams.noise(VARIED[name], 2).double())
