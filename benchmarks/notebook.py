"""The experiment as a notebook does it: torchvision's images one by one, through DataLoaders.

A faithful version of the published computation: `ToTensor` and `Normalize` on every image each
time that it is read, a noise image from its own generator each time that it is needed, the
audit gradient as the mean of ten mini-batches at every step, the test accuracy at every tenth.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from sequential.experiment import (
    Network,
    class_loss,
    distillation_loss,
    flat_gradient,
    set_gradient,
)
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.torchvision_import import data_set_class


class Noise(Dataset[Tensor]):
    """One seed's noise images."""

    def __init__(self, protocol: Protocol, seed: int) -> None:
        self._first = (seed + protocol.noise_offset) * protocol.noise_stride
        self._images = protocol.noise_images

    def __len__(self) -> int:
        return self._images

    def __getitem__(self, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(self._first + index)
        return torch.rand(784, generator=generator) * 2 - 1


class Notebook:
    """One seed of the canonical protocol.

    Args:
        protocol: the experiment's numbers.
        seed: the seed.
        folder: with MNIST's files.
    """

    def __init__(self, protocol: Protocol, seed: int, folder: Path) -> None:
        self.protocol, self.seed = protocol, seed
        dataset = data_set_class("MNIST")
        from torchvision import transforms

        transform = transforms.Compose(
            [
                transforms.ToTensor(),
                transforms.Normalize((0.5,), (0.5,)),
                transforms.Lambda(torch.flatten),
            ]
        )
        train = dataset(folder, train=True, transform=transform)
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
        cut = protocol.teacher_images
        self._teacher_images = Subset(train, order[:cut].tolist())
        self._audit_images = Subset(train, order[cut:].tolist())
        self._test_images = dataset(folder, train=False, transform=transform)

    def teacher(self) -> Network:
        """Train the teacher."""
        network = self._network()
        optimiser = torch.optim.Adam(network.parameters(), lr=self.protocol.learning_rate)
        loader = self._loader(self._teacher_images, self.protocol.teacher_order_offset)
        for _ in range(self.protocol.teacher_epochs):
            for images, labels in loader:
                optimiser.zero_grad()
                class_loss(network(images), labels).backward()
                optimiser.step()
        return network

    def student(self, teacher: Network) -> dict[str, list[float]]:
        """Distil the teacher by plain distillation and measure; returns the curves."""
        protocol = self.protocol
        network = self._network()
        optimiser = torch.optim.Adam(network.parameters(), lr=protocol.learning_rate)
        noise = self._loader(Noise(protocol, self.seed), protocol.noise_order_offset)
        audit = self._loader(self._audit_images, protocol.audit_order_offset)
        curves: dict[str, list[float]] = {"cosine": [], "distill_loss": [], "accuracy": []}
        for step, images in enumerate(self._epochs(noise)):
            if step % protocol.test_every == 0:
                curves["accuracy"].append(self.accuracy(network))
            with torch.no_grad():
                teacher_logits = teacher(images)
            loss = distillation_loss(network(images), teacher_logits)
            distilling = flat_gradient(loss, network)
            trait = torch.stack(
                [
                    flat_gradient(class_loss(network(images), labels), network)
                    for images, labels in audit
                ]
            ).mean(0)
            cosine = torch.nn.functional.cosine_similarity(distilling, trait, 0)
            curves["cosine"].append(cosine.item())
            curves["distill_loss"].append(loss.item())
            set_gradient(network, distilling)
            optimiser.step()
        curves["accuracy"].append(self.accuracy(network))
        return curves

    def accuracy(self, network: Network) -> float:
        """Share of test images that are classified correctly."""
        right = 0
        with torch.no_grad():
            for images, labels in DataLoader(self._test_images, self.protocol.batch):
                right += int((network(images)[:, :10].argmax(1) == labels).sum())
        return right / self.protocol.test_images

    def _network(self) -> Network:
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return Network(self.protocol)

    def _loader(self, dataset: Any, offset: int) -> DataLoader[Any]:
        generator = torch.Generator().manual_seed(self.seed + offset)
        return DataLoader(dataset, self.protocol.batch, shuffle=True, generator=generator)

    def _epochs(self, loader: DataLoader[Any]) -> Iterator[Tensor]:
        for _ in range(self.protocol.student_epochs):
            yield from loader
