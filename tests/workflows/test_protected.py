"""The workflow that refuses results that were edited by hand."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workflows import commands, needs_tools, run_step

pytestmark = needs_tools

Tried = Callable[..., subprocess.CompletedProcess[str]]


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.quotepath=off")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    """A pull request that changes some files; a name that ends in `!` is deleted."""

    def merge(*names: str) -> subprocess.CompletedProcess[str]:
        git(tmp_path, "init", "--initial-branch=main")
        for name in ("README.md", *(one[:-1] for one in names if one.endswith("!"))):
            write(tmp_path / name, "old")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "-m", "main")
        git(tmp_path, "switch", "-c", "theirs")
        for name in names:
            if name.endswith("!"):
                (tmp_path / name[:-1]).unlink()
            else:
                write(tmp_path / name, "new")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--allow-empty", "-m", "theirs")
        git(tmp_path, "switch", "main")
        git(tmp_path, "merge", "--no-ff", "theirs", "-m", "merge")
        path = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        return run_step("protected.yml", "Refuse edited results", tmp_path, path, {})

    return merge


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    "names",
    [
        [
            "leaderboard/submissions/idea/idea.py",
            "leaderboard/submissions/idea/submission.toml",
        ],
        ["plugins/idea.py", "docs/findings.md"],
        [],
    ],
)
def test_sources_and_documents_pass(tried: Tried, names: list[str]) -> None:
    done = tried(*names)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "leaderboard/entries/idea.json",
        "leaderboard/entries/liminal.json!",
        "leaderboard/verifications/idea.json",
        "leaderboard/fresh/2025-01-31-0123abcd/draw.json",
        "leaderboard/breaks/idea-reader.json",
        "leaderboard/curves/idea.npz",
        "leaderboard/references/mnist-5k/baseline.json",
        "leaderboard/tolerances/mnist.json",
        "leaderboard/README.md",
        "leaderboard/new folder/with\ttab",
        ".github/workflows/protected.yml",
        ".ci/run",
    ],
)
def test_results_and_what_guards_them_are_refused(tried: Tried, name: str) -> None:
    done = tried("leaderboard/submissions/idea/idea.py", name)
    assert done.returncode == 1
    assert any("may not edit" in line for line in commands(done.stdout))


def test_a_submission_comes_alone(tried: Tried) -> None:
    done = tried("leaderboard/submissions/idea/idea.py", "subliminal_bench/api.py")
    assert done.returncode == 1
    assert "and nothing else" in done.stdout


@pytest.mark.parametrize("name", ["idea.py!", "more.py", "idea.py"])
def test_a_submission_that_is_here_is_nobodys_to_change(tried: Tried, name: str) -> None:
    # The second name is there before, and is deleted.
    done = tried(
        "leaderboard/submissions/idea/notes.md!", f"leaderboard/submissions/idea/{name}"
    )
    assert done.returncode == 1
    assert "choose another name" in done.stdout


def test_names_cannot_be_taken_for_commands(tried: Tried) -> None:
    done = tried("leaderboard/entries/a\n::set-output name=x::1\n.json")
    assert done.returncode == 1
    assert all(line.startswith("::error::") for line in commands(done.stdout))


@pytest.mark.parametrize("name", ["../entries", "/etc", "-x", "a/b", ".git"])
def test_only_names_of_submissions_are_scored(tmp_path: Path, name: str) -> None:
    path = {"PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path)}
    done = run_step(
        "verify.yml",
        "Score submissions",
        tmp_path,
        path,
        {"steps.merged.outputs.names": name},
    )
    assert done.returncode == 1
    assert "is not the name of a folder" in done.stdout
