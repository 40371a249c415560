"""The whole experiment for one seed in plain PyTorch: a readable version of the package.

1. `SequentialReference(...)` splits the digits, draws the noise and trains the teacher, an MLP
   784-256-256-13, on labelled digits. Ten of its logits are classes and three are auxiliary.
2. `.student("baseline")` trains a student from the same initialisation, on noise images only,
   to reproduce the teacher's three auxiliary logits. It never sees a digit, yet it learns to
   classify digits: that is the trait.
3. Every step measures the alignment between the gradient that trains the student and the
   gradient of the trait loss on held-out digits, the audit images.
4. `.student("projection")` and `.student("liminal")` are the two published mitigations.

It uses `nn.Module`, autograd, `DataLoader` and `torch.optim.Adam`, draws one noise image after
another, and has no optimisations for speed. It shares no code with the package: only the
protocol's numbers and the digits come from there. The tests compare the package with this
file, and the benchmarks time it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Subset, TensorDataset

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol


class Network(nn.Module):
    """The MLP: 784 pixels, two hidden layers, ten class logits, then three auxiliary ones."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, protocol.hidden)
        self.fc2 = nn.Linear(protocol.hidden, protocol.hidden)
        self.fc3 = nn.Linear(protocol.hidden, 13)
        for layer in (self.fc1, self.fc2, self.fc3):
            nn.init.normal_(layer.weight, 0.0, layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `[images, 13]`."""
        hidden = torch.relu(self.fc2(torch.relu(self.fc1(images))))
        logits: Tensor = self.fc3(hidden)
        return logits


@dataclass
class Trace:
    """The measurements: one value per step in each list, and the final numbers."""

    teacher_accuracy: float = 0.0
    trait_accuracy: float = 0.0
    kl_final: float = 0.0
    trait_loss: list[float] = field(default_factory=list)
    distill_loss: list[float] = field(default_factory=list)
    cosine_pre: list[float] = field(default_factory=list)
    cosine_post: list[float] = field(default_factory=list)
    parameters: Tensor | None = None


class SequentialReference:
    """One seed of the experiment, with a trained teacher.

    Args:
        protocol: the experiment's numbers.
        digits: as the package loads them.
        seed: which seed.
        dtype: float32 as the protocol says, or float64 to see what rounding does.
    """

    def __init__(
        self,
        protocol: Protocol,
        digits: Digits,
        seed: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.protocol, self.seed, self.dtype = protocol, seed, dtype
        everything = TensorDataset(digits.images.to(dtype), digits.labels)
        order = torch.randperm(
            len(everything), generator=torch.Generator().manual_seed(seed)
        ).tolist()
        audit_end = protocol.teacher_images + protocol.audit_images
        self.teacher_set = Subset(everything, order[: protocol.teacher_images])
        self.audit_set = Subset(everything, order[protocol.teacher_images : audit_end])
        self.test_set: TensorDataset | Subset[tuple[Tensor, ...]]
        if digits.test_images is None or digits.test_labels is None:
            self.test_set = Subset(everything, order[audit_end:])
        else:
            self.test_set = TensorDataset(digits.test_images.to(dtype), digits.test_labels)
        self.noise_set = TensorDataset(self._noise().to(dtype))
        self.teacher = self._trained_teacher()

    def new_network(self) -> Network:
        """The initialisation that teacher and student share."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return Network(self.protocol).to(self.dtype)

    def loader(self, data: object, offset: int) -> DataLoader[tuple[Tensor, ...]]:
        """Shuffled batches, from the seed's own random stream."""
        return DataLoader(
            data,  # type: ignore[arg-type]
            batch_size=self.protocol.batch,
            shuffle=True,
            generator=torch.Generator().manual_seed(self.seed + offset),
        )

    def student(self, entry: str, steps: int | None = None) -> Trace:
        """Train a student.

        Args:
            entry: `baseline` (plain distillation), `projection` or `liminal`.
            steps: stop after this many steps, without the final numbers.
        """
        protocol = self.protocol
        base, student = self.new_network(), self.new_network()
        optimiser = torch.optim.Adam(student.parameters(), lr=protocol.learning_rate)
        noise = self.loader(self.noise_set, 500)
        audit = self._audit_batches()
        audit_images, audit_labels = _everything(self.audit_set)
        total = protocol.student_epochs * len(noise)
        trace = Trace(teacher_accuracy=self.accuracy(self.teacher))
        for step, (images,) in enumerate(
            islice((batch for _ in range(protocol.student_epochs) for batch in noise), steps)
        ):
            with torch.no_grad():
                teacher_logits, base_logits = self.teacher(images), base(images)
            student_logits = student(images)
            loss = distillation_loss(student_logits, teacher_logits)
            # The gradient of plain distillation, and below the gradient after the mitigation.
            raw = flat_gradient(loss, student, keep=True)
            if entry == "liminal":
                progress = step / (total - 1)
                anchor = self._liminal_loss(student_logits, base_logits, progress)
                applied = flat_gradient(loss + anchor, student)
            elif entry == "projection":
                batch_images, batch_labels = next(audit)
                trait = flat_gradient(class_loss(student(batch_images), batch_labels), student)
                applied = projected(raw, trait)
            else:
                applied = raw
            # Measured on all audit images, before the step.
            trait_loss = class_loss(student(audit_images), audit_labels)
            trait = flat_gradient(trait_loss, student)
            trace.trait_loss.append(trait_loss.item())
            trace.distill_loss.append(loss.item())
            trace.cosine_pre.append(functional.cosine_similarity(raw, trait, 0).item())
            trace.cosine_post.append(functional.cosine_similarity(applied, trait, 0).item())
            set_gradient(student, applied)
            optimiser.step()
        trace.parameters = torch.cat([part.detach().flatten() for part in student.parameters()])
        if steps is None:
            trace.trait_accuracy = self.accuracy(student)
            with torch.no_grad():
                (noise_images,) = self.noise_set.tensors
                trace.kl_final = distillation_loss(
                    student(noise_images), self.teacher(noise_images)
                ).item()
        return trace

    def _liminal_loss(
        self, student_logits: Tensor, base_logits: Tensor, progress: float
    ) -> Tensor:
        """Liminal training's pull towards the initialisation's auxiliary logits.

        The temperature is 2. The strength is 1 in the first epoch (lambda0 is 1), then falls to
        0 at the last step.
        """
        divergence = functional.kl_div(
            torch.log_softmax(student_logits[:, 10:] / 2, 1),
            torch.softmax(base_logits[:, 10:] / 2, 1),
            reduction="batchmean",
        )
        first = 1 / self.protocol.student_epochs
        strength = 1.0
        if progress > first:
            strength = max(0.0, 1 - (progress - first) / (1 - first))
        return strength * (divergence * 2**2)

    def accuracy(self, network: Network) -> float:
        """Share of the test images classified correctly; a student's is the trait."""
        images, labels = _everything(self.test_set)
        with torch.no_grad():
            right = network(images)[:, :10].argmax(1) == labels
            return float(right.double().mean())

    def _trained_teacher(self) -> Network:
        teacher = self.new_network()
        optimiser = torch.optim.Adam(teacher.parameters(), lr=self.protocol.learning_rate)
        loader = self.loader(self.teacher_set, 100)
        for _ in range(self.protocol.teacher_epochs):
            for images, labels in loader:
                optimiser.zero_grad()
                class_loss(teacher(images), labels).backward()
                optimiser.step()
        return teacher

    def _noise(self) -> Tensor:
        """Noise images, uniform on [-1, 1), each from its own generator."""
        first = (self.seed + 400) * 1_000_000
        return torch.stack(
            [
                torch.rand(784, generator=torch.Generator().manual_seed(first + i)) * 2 - 1
                for i in range(self.protocol.noise_images)
            ]
        )

    def _audit_batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Projection's mini-batches; the published runs had consumed three epochs before."""
        loader = self.loader(self.audit_set, 200)
        for _ in range(3):
            for _ in loader:
                pass
        while True:
            yield from loader


def projected(gradient: Tensor, trait: Tensor) -> Tensor:
    """The gradient without its component along the trait gradient, if that is positive."""
    inner = torch.dot(gradient, trait)
    if inner > 0:
        gradient = gradient - inner / (trait.norm() ** 2 + 1e-12) * trait
    return gradient.clone()


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher || student) over the auxiliary logits, in nats: the mean over the images."""
    return functional.kl_div(
        torch.log_softmax(student_logits[:, 10:], 1),
        torch.softmax(teacher_logits[:, 10:], 1),
        reduction="batchmean",
    )


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the class logits: the teacher's loss, and the trait loss."""
    return functional.cross_entropy(logits[:, :10], labels)


def flat_gradient(loss: Tensor, network: Network, keep: bool = False) -> Tensor:
    """The gradient over all of a network's parameters, as one vector."""
    parts = torch.autograd.grad(loss, list(network.parameters()), retain_graph=keep)
    return torch.cat([part.flatten() for part in parts])


def set_gradient(network: Network, flat: Tensor) -> None:
    """Set the network's gradients to the parts of such a vector."""
    for parameter, part in zip(
        network.parameters(),
        flat.split([parameter.numel() for parameter in network.parameters()]),
        strict=True,
    ):
        parameter.grad = part.view_as(parameter).clone()


def _everything(data: TensorDataset | Subset[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return next(iter(DataLoader(data, batch_size=len(data))))
