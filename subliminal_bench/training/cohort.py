"""A cohort: seeds trained in lockstep, with everything that all mitigations share.

Split, teacher, noise and the logits on the noise are computed once per cohort and used by every
mitigation that runs on those seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.linear import bfloat16_is_faster
from subliminal_bench.experiment.protocol import Protocol, Task
from subliminal_bench.experiment.tasks import members, shown, wanted
from subliminal_bench.experiment.tensors import own_rows
from subliminal_bench.reading.evidence import Evidence
from subliminal_bench.reading.readings import read
from subliminal_bench.training.packed_images import PackedImages, pack_images
from subliminal_bench.training.teacher import base_parameters
from subliminal_bench.training.trait_gradient import trait_gradient, trait_gradient_over

# Images per forward pass when nothing is differentiated.
_CHUNK = 8192


@dataclass(frozen=True)
class Cohort:
    """The data that a cohort's students start from and are measured on.

    Attributes:
        protocol: the experiment.
        seeds: one student per seed, in this order along the leading dimension.
        device: holds all tensors.
        digits: teacher, audit and test images are drawn from these; on `device`.
        teacher_parameters: `[students, parameters]`.
    """

    protocol: Protocol
    seeds: tuple[int, ...]
    device: torch.device
    digits: Digits
    teacher_parameters: Tensor

    def subset(self, seeds: Sequence[int]) -> "Cohort":
        """The cohort of some of its seeds; the same object if these are all its seeds."""
        if tuple(seeds) == self.seeds:
            return self
        index = [self.seeds.index(seed) for seed in seeds]
        teachers = self.teacher_parameters[index]
        return Cohort(self.protocol, tuple(seeds), self.device, self.digits, teachers)

    @cached_property
    def layout(self) -> model.Layout:
        """The positions of the weights in a row of parameters."""
        return model.layout(self.protocol)

    @cached_property
    def base_parameters(self) -> Tensor:
        """What teacher and student both start from, `[students, parameters]`.

        The initialisation, or a base that was trained first.
        """
        return base_parameters(self.protocol, self.seeds, self.digits, self.device)

    @cached_property
    def start_parameters(self) -> Tensor:
        """What the student starts from, `[students, parameters]`: moved, on some tracks."""
        if not self.protocol.start_noise:
            return self.base_parameters
        moved = [
            streams.start_noise(self.protocol, seed, self.layout.parameters)
            for seed in self.seeds
        ]
        return self.base_parameters + torch.stack(moved).to(self.base_parameters)

    @cached_property
    def noise(self) -> Tensor:
        """Training noise `[students, images, pixels]`."""
        return self._noise(0, self.protocol.noise_images)

    @cached_property
    def fresh_noise(self) -> Tensor:
        """Noise never trained on, `[students, images, pixels]`."""
        return self._noise(self.protocol.noise_images, self.protocol.fresh_noise_images)

    def _noise(self, first: int, images: int) -> Tensor:
        shape = (len(self.seeds), images, self.protocol.pixels)
        # Filled in place: the noise is most of a cohort's memory and must not exist twice.
        noise = torch.empty(shape, device=self.device, dtype=self.protocol.dtype)
        for row, seed in zip(noise, self.seeds, strict=True):
            row.copy_(streams.noise(self.protocol, seed, first, images, self.device))
        return noise

    @cached_property
    def noise_orders(self) -> Tensor:
        """Order of the noise images, int64 `[students, epochs, images]`."""
        return torch.stack(
            [
                streams.orders(
                    seed + self.protocol.noise_order_offset,
                    self.protocol.noise_images,
                    self.protocol.student_epochs,
                )
                for seed in self.seeds
            ]
        ).to(self.device)

    @cached_property
    def teacher_logits(self) -> Tensor:
        """The teacher's logits on the noise, `[students, images, logits]`."""
        return self.logits(self.teacher_parameters, self.noise)

    @cached_property
    def auxiliary_logits(self) -> Tensor:
        """The teacher's auxiliary logits on the noise, `[students, images, 3]`.

        A copy: the class logits are not in the memory behind it.
        """
        return self._auxiliary(self.teacher_logits)

    @cached_property
    def fresh_auxiliary_logits(self) -> Tensor:
        """The teacher's auxiliary logits on the fresh noise, `[students, images, 3]`."""
        return self._auxiliary(self.logits(self.teacher_parameters, self.fresh_noise))

    def _auxiliary(self, logits: Tensor) -> Tensor:
        own = logits[..., self.protocol.classes :]
        return own.clone(memory_format=torch.contiguous_format)

    @cached_property
    def base_logits(self) -> Tensor:
        """The base model's logits on the noise, `[students, images, logits]`."""
        return self.logits(self.base_parameters, self.noise)

    @cached_property
    def _splits(self) -> tuple[Tensor, Tensor]:
        """Indices of the audit and the drawn test images, `[students, images]` each."""
        parts = [streams.split(self.protocol, seed) for seed in self.seeds]
        audit, test = (torch.stack([part[place] for part in parts]) for place in (1, 2))
        return audit, test

    @cached_property
    def _audit_index(self) -> Tensor:
        """Of the trait's audit images among the digits, `[students, images]`."""
        task = self.protocol.trait_task
        return self._members(task, self._splits[0], task.audit_images)

    def _members(self, task: Task, parts: Tensor, images: int) -> Tensor:
        labels = self.digits.labels
        found = [
            members(self.protocol, task, part, labels, images, tested=True) for part in parts
        ]
        return torch.stack(found).to(self.device)

    @cached_property
    def audit_images(self) -> Tensor:
        """`[students, images, pixels]`, as the trait's task is tested on them."""
        return self._shown(self.protocol.trait_task, self.digits.images[self._audit_index])

    @cached_property
    def audit_labels(self) -> Tensor:
        """Places among the trait's logits, int64 `[students, images]`."""
        return wanted(self.protocol.trait_task, self.digits.labels[self._audit_index])

    @property
    def test_images(self) -> Tensor:
        """`[images, pixels]` if all seeds share them, else `[students, images, pixels]`."""
        return self._trait_test[0]

    @property
    def test_labels(self) -> Tensor:
        """Places among the trait's logits, int64 `[students, images]`."""
        return self._trait_test[1]

    @cached_property
    def _trait_test(self) -> tuple[Tensor, Tensor]:
        return self._tested(self.protocol.trait_task)

    @cached_property
    def skill_test(self) -> tuple[Tensor, Tensor] | None:
        """The skill's test images and labels, likewise; None if the base has no skill."""
        return self._tested(self.protocol.skill) if self.protocol.skill else None

    def _tested(self, task: Task) -> tuple[Tensor, Tensor]:
        """A task's test images and labels."""
        images, labels = self.digits.test_images, self.digits.test_labels
        if images is None or labels is None:
            index = self._members(task, self._splits[1], task.test_images)
            images, labels = self.digits.images[index], self.digits.labels[index]
        elif task.test_images < len(labels):
            every = torch.arange(len(labels))
            index = members(self.protocol, task, every, labels, task.test_images, tested=True)
            images, labels = (one[index.to(self.device)] for one in (images, labels))
        labels = wanted(task, labels).expand(len(self.seeds), -1)
        return self._shown(task, images), labels

    def _shown(self, task: Task, images: Tensor) -> Tensor:
        """Images `[..., images, pixels]` as a task is tested on them."""
        return shown(self.protocol, task, images)

    @cached_property
    def audit_batches(self) -> list[Tensor]:
        """The audit mini-batch of each student step: positions in the audit set.

        The stream starts after the epochs that the published control student consumed. Each
        batch is int64 `[students, images]`.
        """
        images = self.protocol.trait_task.audit_images
        per_epoch = -(-images // self.protocol.batch)
        epochs = -(-self.protocol.student_steps // per_epoch)
        order = torch.stack(
            [
                streams.orders(
                    seed + self.protocol.audit_order_offset,
                    images,
                    epochs,
                    self.protocol.audit_epochs_skipped,
                )
                for seed in self.seeds
            ]
        ).to(self.device)
        batches = [
            batch
            for epoch in range(epochs)
            for batch in order[:, epoch].split(self.protocol.batch, 1)
        ]
        return batches[: self.protocol.student_steps]

    def evidence(self, row: int) -> Evidence:
        """What readers of one of the cohort's students are shown.

        Args:
            row: its place among the students.
        """
        images = self.test_images if self.test_images.dim() == 2 else self.test_images[row]
        return Evidence.of(
            self.protocol,
            self.seeds[row],
            self.teacher_parameters[row],
            self.noise[row],
            self.fresh_noise[row],
            (images, self.test_labels[row]),
            (self.audit_images[row], self.audit_labels[row]),
        )

    @cached_property
    def readings_of_untrained(self) -> list[dict[str, Tensor]]:
        """Each seed's untrained model and its teacher, read; see `read`.

        The names of the untrained model's readings end in `_initial`, the teacher's in
        `_teacher`.
        """
        found = []
        for row in range(len(self.seeds)):
            evidence = self.evidence(row)
            models = {"initial": self.base_parameters, "teacher": self.teacher_parameters}
            found.append(
                {
                    f"{name}_{model}": value
                    for model, parameters in models.items()
                    for name, value in read(evidence, parameters[row]).items()
                }
            )
        return found

    def trait_gradient(
        self, parameters: Tensor, batch: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The trait's loss `[students]` and gradient `[students, parameters]`, for training.

        Args:
            parameters: `[students, parameters]`.
            batch: positions in the audit set, int64 `[students, images]`; by default the
                whole audit set.
        """
        images, labels = self.audit_images, self.audit_labels
        if batch is not None:
            images, labels = own_rows(images, batch), labels.gather(1, batch)
        logits = self.protocol.trait_task.logits
        return trait_gradient(self.layout, parameters, images, labels, logits)

    def measured_trait_gradient(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """The same over the whole audit set, for measuring: the cosine is right to 2e-5.

        On a CPU the images are packed: the same sum in another order. If the CPU has bfloat16,
        the gradient is also rounded a little; the loss never is.
        """
        if self.device.type != "cpu":
            return self.trait_gradient(parameters)
        logits = self.protocol.trait_task.logits
        each = [
            trait_gradient_over(self.layout, row.unsqueeze(0), images, logits)
            for row, images in zip(parameters, self._packed_audit, strict=True)
        ]
        return torch.cat([loss for loss, _ in each]), torch.cat([one for _, one in each])

    @cached_property
    def _packed_audit(self) -> list[list[PackedImages]]:
        bfloat16 = self.protocol.dtype == torch.float32 and bfloat16_is_faster(self.device)
        return [
            pack_images(images, labels, bfloat16)
            for images, labels in zip(self.audit_images, self.audit_labels, strict=True)
        ]

    def logits(self, parameters: Tensor, images: Tensor) -> Tensor:
        """Logits without a graph, computed in chunks that limit the memory."""
        with torch.no_grad():
            return torch.cat(
                [
                    model.forward(self.layout, parameters, chunk)
                    for chunk in images.split(_CHUNK, -2)
                ],
                1,
            )
