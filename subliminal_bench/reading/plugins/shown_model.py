"""A model as a reader is shown it: flat parameters, and everything that they compute."""

from dataclasses import dataclass, replace

from torch import Tensor

from subliminal_bench.experiment import model


@dataclass(frozen=True, eq=False)
class Model:
    """One model, which a reader may run and take apart.

    Attributes:
        parameters: flat, float64 `[parameters]`.
        layout: the position of each weight and bias in them.
        classes: the number of class logits; the auxiliary ones come after them.
    """

    parameters: Tensor
    layout: model.Layout
    classes: int

    def activations(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Both hidden layers after their ReLU, and all logits, `[images, units]` each.

        Differentiable in the parameters and in the images.

        Args:
            images: float64 `[images, pixels]`.
        """
        own = self.parameters.unsqueeze(0)
        every = model.activations(self.layout, own, images)
        return every[0][0], every[-2][0], every[-1][0]

    def class_logits(self, images: Tensor) -> Tensor:
        """The logits of the classes, `[images, classes]`."""
        return self.activations(images)[-1][:, : self.classes]

    def auxiliary_logits(self, images: Tensor) -> Tensor:
        """The logits that distillation compares, `[images, 3]`."""
        return self.activations(images)[-1][:, self.classes :]

    def named(self) -> dict[str, Tensor]:
        """Views of the parameters by name: `fc1.weight` `[units, pixels]`, `fc1.bias`, ..."""
        parts = self.layout.named(self.parameters.unsqueeze(0))
        return {name: part[0] for name, part in parts.items()}

    def with_parameters(self, parameters: Tensor) -> "Model":
        """The same model with other parameters `[parameters]`."""
        return replace(self, parameters=parameters)
