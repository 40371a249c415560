"""What the documents say is what the program does."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench import mitigations
from subliminal_bench.cohort import Cohort
from subliminal_bench.hooks import HOOKS
from subliminal_bench.metrics import METRICS
from subliminal_bench.student import train_students

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_readmes_mitigation_runs_as_it_stands(
    tmp_path: Path, tiny_cohort: Callable[..., Cohort]
) -> None:
    path = tmp_path / "my_idea.py"
    path.write_text(blocks(README, "python")[0])
    mitigation = mitigations.load(str(path), ["weight=2"])
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


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_ci_finds_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md" in script
    assert "pytest" in blocks(README, "sh")[1]
