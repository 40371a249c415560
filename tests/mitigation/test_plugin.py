"""A plugin with a wrong hook or card is refused in one line that names it."""

from pathlib import Path

import pytest

from subliminal_bench.mitigation.mitigation import load_mitigation
from tests.support.loaded import refused
from tests.support.plugins_for_tests import HEAD, write

CARD = f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('odd', 'Odd')\n\n"

# What is in the file, and what the line about it must say.
WRONG_PLUGINS: dict[str, tuple[str, list[str]]] = {
    "misspelled hook": (
        f"{CARD}@hookimpl\ndef distil_loss(loss):\n    return loss\n",
        ["no hook is called 'distil_loss'", "did you mean 'distill_loss'?"],
    ),
    "unknown hook argument": (
        f"{CARD}@hookimpl\ndef distill_loss(lose):\n    return lose\n",
        [
            "hook distill_loss has no argument 'lose'",
            "did you mean 'loss'?",
            "loss, student_logits, targets, step",
        ],
    ),
    "argument of version 0.1": (
        f"{CARD}@hookimpl\ndef teacher_targets(teacher_logits):\n    return teacher_logits\n",
        ["no argument 'teacher_logits'", "it is `targets` now, the three auxiliary logits"],
    ),
    "unknown argument of the card": (
        f"{HEAD}@hookimpl\ndef mitigation(step):\n    return Card('odd', 'Odd')\n",
        ["hook mitigation has no argument 'step'", "(there are: none)"],
    ),
    "hook not marked": (
        f"{CARD}def distill_loss(loss):\n    return 2 * loss\n",
        ["distill_loss", "@hookimpl"],
    ),
    "card not marked": (
        f"{HEAD}def mitigation():\n    return Card('odd', 'Odd')\n\n"
        "@hookimpl\ndef distill_loss(loss):\n    return loss\n",
        ["mitigation", "@hookimpl"],
    ),
    "no card at all": (
        f"{HEAD}@hookimpl\ndef distill_loss(loss):\n    return loss\n",
        ["mitigation"],
    ),
    "card not returned": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    Card('odd', 'Odd')\n",
        ["Card", "return"],
    ),
    "card is a word": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    return 'odd'\n",
        ["Card", "str"],
    ),
    "card without its parentheses": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    return Card\n",
        ["Card", "()"],
    ),
    "card raises": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    return 1 / 0\n",
        ["ZeroDivisionError", "odd.py, line 5"],
    ),
}


def test_a_helper_named_unlike_any_hook_needs_no_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "odd.py", f"{CARD}def weight(step):\n    return 1\n")
    assert load_mitigation(str(path)).name == "odd"


@pytest.mark.parametrize("mistake", WRONG_PLUGINS)
def test_a_mistake_in_the_file_is_one_line_that_names_it(mistake: str, tmp_path: Path) -> None:
    source, said = WRONG_PLUGINS[mistake]
    message = refused(write(tmp_path / "odd.py", source))
    for words in ["odd.py", *said]:
        assert words in message
