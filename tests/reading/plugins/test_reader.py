"""A reader is loaded as a mitigation is; it returns classes, or there is one line of error."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import BenchmarkError, ChangedInputError, HookError
from subliminal_bench.mitigation.builtin import MITIGATION, READER, built_in_names
from subliminal_bench.reading.plugins.reader import is_reader, load_reader
from subliminal_bench.reading.plugins.reader_card import RENDERINGS
from subliminal_bench.reading.readings import read
from subliminal_bench.training.cohort import Cohort
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import one_line, write
from tests.support.reader_files import CARD, reader_source, shown

Cohorts = Callable[..., Cohort]
CLASSES = "return torch.zeros(len(images), dtype=torch.int64)"


@pytest.mark.parametrize(
    ("rendering", "name"),
    [
        ("mean-free", "latent_accuracy"),
        ("on noise", "latent_on_noise"),
        ("high-pass", "latent_high_pass"),
    ],
)
def test_the_built_in_reader_as_a_plugin_is_right_on_the_same_images(
    rendering: str, name: str, tiny_cohort: Cohorts
) -> None:
    cohort = tiny_cohort(3)
    for model in (cohort.base_parameters[0], cohort.teacher_parameters[0]):
        with load_reader("noise_head").begin(shown(cohort)) as calls:
            right = calls.predictions(model, rendering) == cohort.test_labels[0]
        assert right.double().mean() == read(cohort.evidence(0), model)[name]


@pytest.mark.parametrize("name", built_in_names(READER))
def test_a_built_in_reader_is_named_like_its_file(name: str) -> None:
    assert load_reader(name).name == name


def test_readers_are_no_mitigations() -> None:
    assert not set(built_in_names(READER)) & set(built_in_names(MITIGATION))


def test_it_is_not_shown_labels_that_its_card_does_not_ask_for(
    tiny_cohort: Cohorts, tmp_path: Path
) -> None:
    lines = (
        "seen = 0 if audit_labels is None else 1",
        "return torch.full((len(images),), seen)",
    )
    asking = f"{CARD[:-1]}, labels=True)"
    for card, seen in ((CARD, 0), (asking, 1)):
        path = write(tmp_path / f"mine{seen}.py", reader_source(*lines, card=card))
        cohort = tiny_cohort(1)
        with load_reader(str(path)).begin(shown(cohort)) as calls:
            assert (calls.predictions(cohort.base_parameters[0], "raw") == seen).all()


def test_a_seeds_models_are_read_with_the_same_random_numbers(
    tiny_cohort: Cohorts, tmp_path: Path
) -> None:
    line = "return torch.randint(10, (len(images),), generator=generator)"
    path = write(tmp_path / "mine.py", reader_source(line))
    cohort = tiny_cohort(1)
    with load_reader(str(path)).begin(shown(cohort)) as calls:
        first, second = (
            calls.predictions(model[0], "raw")
            for model in (cohort.base_parameters, cohort.teacher_parameters)
        )
    assert torch.equal(first, second)
    assert len(first.unique()) == 10


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return None", "returned NoneType, not a tensor"),
        ("return images.argmax(1).double()", "returned torch.float64 [1000], not torch.int64"),
        ("return torch.zeros(3, dtype=torch.int64)", "[3], not torch.int64 [1000]"),
        ("return torch.full((len(images),), 10)", "a class outside 0 to 9"),
        ("return torch.full((len(images),), -1)", "a class outside 0 to 9"),
        ("raise ValueError('no')", "failed: ValueError: no (mine.py, line"),
        ("raise SystemExit(3)", "failed: SystemExit: 3"),
    ],
)
def test_a_readers_mistake_is_one_line(
    line: str, said: str, tiny_cohort: Cohorts, tmp_path: Path
) -> None:
    path = write(tmp_path / "mine.py", reader_source(line))
    cohort = tiny_cohort(1)
    with (
        load_reader(str(path)).begin(shown(cohort)) as calls,
        pytest.raises(HookError) as error,
    ):
        calls.predictions(cohort.base_parameters[0], "raw")
    assert one_line(error.value).startswith("mine: hook reader, seed 1: ")
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["images", "noise", "audit_images", "teacher.parameters"])
def test_a_reader_that_changes_what_it_is_shown_is_stopped(
    name: str, tiny_cohort: Cohorts, tmp_path: Path
) -> None:
    path = write(tmp_path / "mine.py", reader_source(f"{name}.zero_()", CLASSES))
    cohort = tiny_cohort(1)
    with (
        load_reader(str(path)).begin(shown(cohort)) as calls,
        pytest.raises(ChangedInputError, match="in place: work on a clone"),
    ):
        calls.predictions(cohort.base_parameters[0], "raw")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (reader_source(card="ReaderCard('a b', 'Mine', 'x')"), "card name 'a b' must be"),
        (reader_source(card="ReaderCard('a', 'x', 'x', renderings=())"), "card renderings"),
        (reader_source(card="ReaderCard('a', 'x', 'x', ('pink',))"), "rendering 'pink' is unk"),
        (reader_source(card="ReaderCard('a', 'x', 'x', ('raw', 'raw'))"), "a rendering twice"),
        (reader_source(card="ReaderCard('a', 'x', 'x', labels=1)"), "labels must be True or"),
        (reader_source(card="ReaderCard"), "returned the class ReaderCard"),
        (reader_source(card="3"), "must return a ReaderCard, not int"),
        (reader_source(arguments="student, pictures"), "no argument 'pictures'"),
        (reader_source(arguments="student, image"), "did you mean 'images'?"),
        (reader_source().partition("\n\n\n@hookimpl\ndef reader(")[0], "no hook 'reader'"),
        ("x = 3\n", "contains no reader: did you forget to mark"),
        (source(hook(GRADIENT, "return gradient")), "no hook is called"),
    ],
)
def test_a_file_that_is_no_reader_is_refused_in_one_line(
    text: str, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "mine.py", text)
    with pytest.raises(BenchmarkError) as error:
        load_reader(str(path))
    assert said in one_line(error.value)


def test_a_name_that_nobody_knows_gives_those_there_are() -> None:
    with pytest.raises(BenchmarkError) as error:
        load_reader("liminal")
    assert "unknown reader 'liminal'" in one_line(error.value)
    assert "noise_head" in str(error.value)


def test_readers_are_told_from_mitigations_without_running_them(tmp_path: Path) -> None:
    before = "raise SystemExit('ran')\n"
    mine = write(tmp_path / "mine.py", reader_source(before=before))
    idea = write(tmp_path / "idea.py", source(hook(GRADIENT, "return gradient"), before=before))
    assert is_reader(str(mine))
    assert not is_reader(str(idea))


def test_every_rendering_has_digits_in_it(tiny_cohort: Cohorts) -> None:
    found = shown(tiny_cohort(1))
    assert found.images.keys() == found.audit_images.keys() == RENDERINGS.keys()
    for images in (*found.images.values(), *found.audit_images.values()):
        assert images.dtype == torch.float64
        assert images.isfinite().all()
        assert images.std(0).max() > 0.01
