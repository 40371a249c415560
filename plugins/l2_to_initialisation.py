"""L2 to the initialisation: pull every weight back to where it started.

The gradient of weight/2 ||theta - theta_0||^2 is added to distillation's, before Adam, which
rescales the two together.

mnist-5k, seeds 101-107: trait accuracy 29.6 % (baseline 57.7), final KL x1.34
(`early_stopping` at that KL: 31.4).
"""

from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="l2_to_initialisation",
        title="L2 penalty towards the initialisation",
        parameters=(Parameter("weight", 1e-3, "strength of the pull", minimum=0.0),),
        reference="after L2-SP: Li, Grandvalet & Davoine, arXiv 1802.01483",
    )


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    weight: float = step.settings.weight
    return gradient + weight * (step.student_parameters - step.base_parameters)
