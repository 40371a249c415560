"""A reader that does not read the student, or not honestly, fails the check that names it."""

from pathlib import Path

import pytest

from subliminal_bench.conformance import State
from subliminal_bench.conformance.claim import Check
from subliminal_bench.conformance.reader_checks import READER_CHECKS, check_reader, reported
from subliminal_bench.conformance.reader_subject import ReaderSubject
from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.builtin import READER, built_in_names
from tests.support.checked import in_a_child
from tests.support.plugins_for_tests import one_line, write
from tests.support.reader_files import CARD, HONEST, reader_source

LABELS = f"{CARD[:-1]}, labels=True)"
# A classifier of digits that only ever looks at the audit images.
OWN_CLASSIFIER = (
    "means = torch.stack([audit_images[audit_labels == one].mean(0) for one in range(10)])",
    "return torch.cdist(images, means).argmin(1)",
)
IF_UNTRAINED = (
    "if torch.equal(student.parameters, base.parameters):",
    "    return torch.zeros(len(images), dtype=torch.int64)",
)
ASKS_THE_TEACHER = "return teacher.class_logits(images).argmax(1)"
BROKEN: dict[str, tuple[str, str]] = {
    "it asks the teacher": ("tells_the_untrained_apart", reader_source(ASKS_THE_TEACHER)),
    "it asks the teacher unless the student is untrained": (
        "needs_the_student",
        reader_source(*IF_UNTRAINED, ASKS_THE_TEACHER),
    ),
    "it has a classifier of its own": (
        "tells_the_untrained_apart",
        reader_source(*OWN_CLASSIFIER, card=LABELS),
    ),
    "it has one, unless the student is untrained": (
        "needs_the_student",
        reader_source(*IF_UNTRAINED, *OWN_CLASSIFIER, card=LABELS),
    ),
    "it guesses": (
        "reads_the_teacher",
        reader_source("return torch.randint(10, (len(images),), generator=generator)"),
    ),
    "it draws from the global generator": (
        "rerun_is_the_same",
        reader_source("return torch.randint(10, (len(images),))"),
    ),
    "it remembers": (
        "remembers_nothing",
        reader_source(
            "SEEN.append(1)",
            "if len(SEEN) % 5 < 3:",
            "    " + IF_UNTRAINED[1].strip(),
            *HONEST,
            before="SEEN = []\n",
        ),
    ),
    "it writes past the counter": (
        "inputs_untouched",
        reader_source("noise.data.mul_(2)", *HONEST),
    ),
    "it writes": ("inputs_untouched", reader_source("noise.mul_(2)", *HONEST)),
    "it returns scores": ("right_predictions", reader_source("return images")),
    "it opens a file": (
        "opens_no_files",
        reader_source("open('/etc/hostname').close()", *HONEST),
    ),
    "it replaces a function": (
        "harness_untouched",
        reader_source("torch.nn.functional.mse_loss = torch.nn.functional.l1_loss", *HONEST),
    ),
    "it seeds the global generator": (
        "surroundings_untouched",
        reader_source("torch.manual_seed(3)", *HONEST),
    ),
    "it has a name that is taken": (
        "loads",
        reader_source(card="ReaderCard('relearning', 'x', 'x')"),
    ),
}


def failed(path: Path) -> dict[str, str]:
    """The checks that a reader fails, each with what was found."""

    def run() -> dict[str, str]:
        results = check_reader(str(path))
        return {one.check.name: one.detail for one in results if one.state is State.FAILED}

    return in_a_child(run)[0]


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Digits and a teacher once, for all the copies of this process."""
    list(check_reader("noise_head", only=["reads_the_teacher"]))


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_named_by_its_check(name: str, tmp_path: Path) -> None:
    check, text = BROKEN[name]
    found = failed(write(tmp_path / "mine.py", text))
    assert check in found, found
    assert "raised" not in found


def test_an_honest_reader_fails_none(tmp_path: Path) -> None:
    assert failed(write(tmp_path / "mine.py", reader_source())) == {}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one, marks=[] if one == "unit_matched" else [pytest.mark.slow])
        for one in built_in_names(READER)
    ],
)
def test_a_built_in_reader_keeps_the_rules(name: str) -> None:
    assert [one.check.name for one in check_reader(name) if not one.good] == []


def test_it_reports_whether_moved_units_hide_from_a_reader(tmp_path: Path) -> None:
    # The first units of the body, as they are numbered in the teacher.
    by_number = (
        "parts = teacher.named()",
        "hidden = student.activations(images)[1]",
        "said = hidden @ parts['fc3.weight'].T + parts['fc3.bias']",
        "return said[:, :10].argmax(1)",
    )
    path = write(tmp_path / "mine.py", reader_source(*by_number))
    _, permuted, rescaled = reported(str(path))
    assert permuted.startswith("with permuted units: ")
    assert permuted.endswith("such a student can hide from it")
    assert rescaled.startswith("with rescaled units: ")
    for line in reported("noise_head")[1:]:
        assert line.endswith("cannot hide from it in this way")


def test_an_unknown_check_is_one_line() -> None:
    with pytest.raises(MitigationError) as error:
        check_reader("noise_head", only=["finite"])
    assert "unknown check of a reader 'finite'" in one_line(error.value)


@pytest.mark.parametrize("check", READER_CHECKS.values(), ids=list(READER_CHECKS))
def test_every_check_says_what_holds_why_and_what_to_do(check: Check[ReaderSubject]) -> None:
    assert check.name.isidentifier()
    for said in (check.claim, check.why, check.fix):
        assert said == said.strip() != ""
