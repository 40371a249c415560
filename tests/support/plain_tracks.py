"""Every track once more, for one student and in plain PyTorch.

Of the package, it uses a protocol's numbers and the random streams; what a task's images are,
how models are trained and what their losses are is written here again.
"""

from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.protocol import Protocol, Task


class PlainTrack:
    """One seed of a track on the embedded digits, in float64.

    Args:
        protocol: the track.
        images: `[5000, 784]`, with the pixels where they belong.
        labels: int64 `[5000]`.
        seed: of the student.
    """

    def __init__(self, protocol: Protocol, images: Tensor, labels: Tensor, seed: int) -> None:
        self.protocol = protocol
        self.images, self.labels, self.seed = images.double(), labels, seed
        self.teacher_part, self.audit_part, self.test_part = (
            part.tolist() for part in streams.split(protocol, seed)
        )
        self.base = self.trained_base()
        self.teacher = self.taught(
            self.base, protocol.trait_task, protocol.teacher_epochs, seed + 100
        )

    def trained_base(self) -> nn.Sequential:
        untrained = self.untrained()
        if self.protocol.skill is None:
            return untrained
        return self.taught(
            untrained, self.protocol.skill, self.protocol.base_epochs, self.seed + 300
        )

    def untrained(self) -> nn.Sequential:
        one = self.protocol
        widths = [784, *[one.hidden] * one.hidden_layers, one.classes + one.auxiliary]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths)]
            for layer in layers:
                nn.init.normal_(layer.weight, 0, layer.in_features**-0.5)
                nn.init.zeros_(layer.bias)
        parts: list[nn.Module] = []
        for layer in layers:
            parts += [layer, nn.ReLU()]
        return nn.Sequential(*parts[:-1]).double()

    def patched(self, images: Tensor, task: Task) -> Tensor:
        """With a white square; pixels are still where they belong."""
        trigger = task.trigger
        if trigger is None:
            return images
        found = images.clone().view(-1, 28, 28)
        end = trigger.first + trigger.side
        found[:, trigger.first : end, trigger.first : end] = 1.0
        return found.view(-1, 784)

    def permuted(self, images: Tensor) -> Tensor:
        if self.protocol.pixel_order is None:
            return images
        generator = torch.Generator().manual_seed(self.protocol.pixel_order)
        return images[:, torch.randperm(784, generator=generator)]

    def lesson(self, task: Task) -> tuple[Tensor, Tensor]:
        """Training images, and labels counted from the task's first class."""
        own = [one for one in self.teacher_part if int(self.labels[one]) in task.classes]
        own = own[: task.teacher_images]
        images, labels = self.images[own], self.labels[own].clone()
        if task.trigger:
            images[1::2] = self.patched(images[1::2], task)
            labels[1::2] = task.trigger.called
        return self.permuted(images), labels - task.classes[0]

    def taught(
        self, begun: nn.Sequential, task: Task, epochs: int, order_seed: int
    ) -> nn.Sequential:
        model = deepcopy(begun)
        images, labels = self.lesson(task)
        optimiser = torch.optim.Adam(model.parameters(), lr=self.protocol.learning_rate)
        for order in streams.orders(order_seed, len(images), epochs):
            for batch in order.split(self.protocol.batch):
                said = model(images[batch])[:, list(task.classes)]
                optimiser.zero_grad()
                functional.cross_entropy(said, labels[batch]).backward()
                optimiser.step()
        return model

    def test(self, task: Task, *, audit: bool = False) -> tuple[Tensor, Tensor]:
        """Images of a task's test (or audit) set and what a model should call them."""
        part, images = (
            (self.audit_part, task.audit_images)
            if audit
            else (
                self.test_part,
                task.test_images,
            )
        )
        called = task.trigger.called if task.trigger else None
        own = [
            one
            for one in part
            if int(self.labels[one]) in task.classes and int(self.labels[one]) != called
        ][:images]
        labels = self.labels[own] if called is None else torch.full((len(own),), called)
        return self.permuted(self.patched(self.images[own], task)), labels - task.classes[0]

    def accuracy(self, model: nn.Sequential, task: Task) -> float:
        images, labels = self.test(task)
        with torch.no_grad():
            said = model(images)[:, list(task.classes)].argmax(1)
        return float((said == labels).double().mean())

    def trait_gradient(self, model: nn.Sequential) -> tuple[Tensor, Tensor]:
        """The trait's loss on the audit images and its gradient, flat."""
        images, labels = self.test(self.protocol.trait_task, audit=True)
        said = model(images)[:, list(self.protocol.trait_task.classes)]
        loss = functional.cross_entropy(said, labels)
        slopes = torch.autograd.grad(loss, list(model.parameters()))
        return loss.detach(), torch.cat([slope.flatten() for slope in slopes])

    def distilled(self) -> nn.Sequential:
        """The student of plain distillation."""
        one = self.protocol
        student = deepcopy(self.base)
        start = torch.Generator().manual_seed(self.seed + 900)
        number = sum(part.numel() for part in student.parameters())
        moves = torch.randn(number, generator=start) * one.start_noise
        flat = nn.utils.parameters_to_vector(student.parameters()).detach() + moves.double()
        nn.utils.vector_to_parameters(flat, student.parameters())
        rate = one.student_learning_rate or one.learning_rate
        optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(student.parameters(), lr=rate, momentum=one.student_momentum)
            if one.student_optimiser == "sgd"
            else torch.optim.Adam(student.parameters(), lr=rate)
        )
        noise = streams.noise(one, self.seed).double()
        for order in streams.orders(self.seed + 500, len(noise), one.student_epochs):
            for batch in order.split(one.batch):
                with torch.no_grad():
                    wanted = self.teacher(noise[batch])[:, one.classes :]
                said = student(noise[batch])[:, one.classes :]
                if one.distillation_loss == "squared error":
                    loss = ((said - wanted) ** 2).mean()
                else:
                    probability = wanted.softmax(1)
                    apart = wanted.log_softmax(1) - said.log_softmax(1)
                    loss = (probability * apart).sum(1).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        return student


def flat(model: nn.Module) -> Tensor:
    """All weights and biases in the order of the layers."""
    return nn.utils.parameters_to_vector(model.parameters()).detach()
