"""What the documents say is what the program does."""

import dataclasses
import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.mitigation.hooks import HOOKS, HookSpecifications, Step, Training
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from tests.support.documents import PAGES, README, ROOT, anchors, blocks


def test_the_readmes_mitigation_runs_as_it_stands(
    tmp_path: Path, tiny_cohort: Callable[..., Cohort]
) -> None:
    path = tmp_path / "my_idea.py"
    path.write_text(blocks(README, "python")[0])
    mitigation = load_mitigation(str(path), ["weight=2"])
    (outcome,) = train_students(tiny_cohort(1), mitigation)
    assert mitigation.settings == {"weight": 2.0}
    assert outcome.metrics["altered_fraction"] == pytest.approx(1.0)


def test_the_readme_names_every_hook() -> None:
    for hook in ("mitigation", *HOOKS):
        assert f"`{hook}(" in README


def test_the_readme_fits_two_screens() -> None:
    assert len(README.splitlines()) <= 100


def test_the_protocol_page_lists_every_metric_with_its_definition() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    for metric in METRICS.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{metric.name}`"))
        assert metric.about in row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


def test_the_index_names_every_page_of_the_documentation() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    linked = set(re.findall(r"\]\(([\w-]+\.(?:md|ipynb))\)", index))
    pages = {path.name for path in (ROOT / "docs").iterdir() if path.is_file()}
    assert linked == pages - {"README.md"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_ci_finds_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md" in script
    assert "pytest" in blocks(README, "sh")[1]


HOOKS_PAGE = (ROOT / "docs" / "hooks.md").read_text()
SPECIFICATIONS = {name: getattr(HookSpecifications, name) for name in ("mitigation", *HOOKS)}


def section(hook: str) -> str:
    """A hook's part of the page, from its heading on."""
    (found,) = re.findall(rf"^## `{hook}\(.*?(?=^## )", HOOKS_PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def arguments_of(hook: str) -> list[str]:
    return [
        name for name in inspect.signature(SPECIFICATIONS[hook]).parameters if name != "self"
    ]


@pytest.mark.parametrize("hook", SPECIFICATIONS)
def test_a_hooks_signature_and_its_documentation_agree(hook: str) -> None:
    arguments = arguments_of(hook)
    page = section(hook)
    assert page.startswith(f"## `{hook}({', '.join(arguments)})`\n")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows == arguments
    docstring = inspect.getdoc(SPECIFICATIONS[hook]) or ""
    described = re.findall(r"^    (\w+): ", docstring.partition("Returns:")[0], re.MULTILINE)
    assert described == arguments


def test_the_page_has_every_hook_in_the_order_in_which_they_act() -> None:
    assert re.findall(r"^## `(\w+)\(", HOOKS_PAGE, re.MULTILINE) == list(SPECIFICATIONS)


@pytest.mark.parametrize("view", [Training, Step])
def test_the_page_lists_all_that_a_step_shows(view: type) -> None:
    shown = {field.name for field in dataclasses.fields(view)} | {
        name
        for name, value in vars(view).items()
        if callable(value) or isinstance(value, property)
    }
    table = HOOKS_PAGE.partition("## `training` and `step`")[2]
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", table))
    assert {name for name in shown if not name.startswith("_")} - {"layout"} <= named


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hooks_example_runs(
    hook: str, tmp_path: Path, tiny_cohort: Callable[..., Cohort]
) -> None:
    path = tmp_path / "example.py"
    head = "import torch\nfrom subliminal_bench import Card, Parameter, hookimpl\n\n"
    (card,), (example,) = (blocks(section(name), "python") for name in ("mitigation", hook))
    path.write_text(f"{head}{card}\n\n{example}")
    mitigation = load_mitigation(str(path))
    assert mitigation.plugins[0].hooks == (hook,)
    (changed,) = train_students(tiny_cohort(1), mitigation)
    (plain,) = train_students(tiny_cohort(1), load_mitigation("baseline"))
    same = torch.equal(changed.parameters, plain.parameters)
    # The example of `start` only sets up its state.
    assert same == (hook == "start")
