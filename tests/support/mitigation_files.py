"""Files of mitigations, put together hook by hook."""

HEAD = "import torch\n\nfrom subliminal_bench import Card, Parameter, hookimpl\n\n"
CARD = "Card('idea', 'Idea')"
GRADIENT = "distill_gradient(gradient, step)"
LOSS = "distill_loss(loss, student_logits, step)"
UPDATE = "parameter_update(update, step)"


def hook(signature: str, *lines: str) -> str:
    """A hook's source."""
    return f"\n\n@hookimpl\ndef {signature}:\n" + "".join(f"    {line}\n" for line in lines)


def source(*hooks: str, card: str = CARD, before: str = "") -> str:
    """A mitigation's file."""
    return f"{HEAD}{before}{hook('mitigation()', f'return {card}')}{''.join(hooks)}"
