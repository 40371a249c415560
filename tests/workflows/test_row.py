"""A merged submission becomes a row: found, scored, and committed by what runs nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.workflows import commands, needs_tools, run_step

pytestmark = needs_tools

NEW = (
    "entries/idea.json",
    "verifications/idea.json",
    "curves/idea.npz",
    "fresh/draw/idea.json",
)


class Main:
    """A repository's main branch with a leaderboard, and where it is pushed to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.rows = folder / "temp" / "rows"
        self.remote = folder / "server" / "owner" / "repository"
        self.output = folder / "output"
        for one in (self.folder, self.rows, self.remote):
            one.mkdir(parents=True)
        self.output.touch()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_REPOSITORY": "owner/repository",
        }
        self.git("init", "--bare", "--initial-branch=main", where=self.remote)
        self.git("init", "--initial-branch=main")
        self.write("leaderboard/README.md", "old page")
        self.write("leaderboard/entries/liminal.json", "{}")
        self.first = self.commit()

    def git(self, *words: str, where: Path | None = None) -> str:
        who = (
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "core.quotepath=off",
        )
        done = subprocess.run(
            ["git", *who, *words],
            cwd=where or self.folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--allow-empty", "-m", "main")
        return self.git("rev-parse", "HEAD")

    def found(self, named: str = "") -> tuple[subprocess.CompletedProcess[str], str]:
        values = {"inputs.submissions": named, "github.event.before": self.first}
        done = run_step(
            "verify.yml", "Find the merged submissions", self.folder, self.environment, values
        )
        return done, self.output.read_text()

    def leave(self, **files: str) -> None:
        """What scoring left: the leaderboard with these files more, or changed."""
        (self.rows / "entries").mkdir(exist_ok=True)
        (self.rows / "README.md").write_text("new page")
        (self.rows / "entries" / "liminal.json").write_text("{}")
        for name, text in files.items():
            path = self.rows / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def committed(self) -> subprocess.CompletedProcess[str]:
        values = {
            "github.token": "secret",
            "github.server_url": self.remote.parents[1].as_uri(),
            "github.event.workflow_run.html_url": "https://example.com/run/1",
        }
        # A folder has no user, so its address stays as it is.
        (self.folder / ".git" / "config").open("a").write(
            f'[url "{self.remote.parents[1].as_uri()}"]\n'
            f"\tinsteadOf = {self.remote.parents[1].as_uri().replace('://', '://x-access-token:secret@')}\n"
        )
        return run_step("row.yml", "Commit the rows", self.folder, self.environment, values)

    def pushed(self) -> list[str]:
        shown = self.git("show", "--name-only", "--format=", "main", where=self.remote)
        return sorted(shown.splitlines())


@pytest.fixture
def main(tmp_path: Path) -> Main:
    return Main(tmp_path)


def test_what_was_merged_is_scored_each_once(main: Main) -> None:
    for name in ("idea/idea.py", "idea/submission.toml", "other/submission.toml", "no/toml.py"):
        main.write(f"leaderboard/submissions/{name}", "x")
    main.write("leaderboard/submissions/a b;c/submission.toml", "x")
    main.commit()
    done, output = main.found()
    assert done.returncode == 0, done
    assert output == "names=idea other\n"
    (warning,) = commands(done.stdout)
    assert warning.startswith("::warning::")


def test_a_maintainer_may_name_them_instead(main: Main) -> None:
    assert main.found("idea other")[1] == "names=idea other\n"
    done, _ = main.found("idea\nmore=x")
    assert done.returncode == 1


def test_a_merge_without_submissions_scores_nothing(main: Main) -> None:
    main.write("docs/page.md", "x")
    main.commit()
    assert main.found()[1] == "names=\n"


def test_a_new_row_and_the_page_are_committed_and_nothing_else(main: Main) -> None:
    main.leave(**dict.fromkeys(NEW, "new"))
    done = main.committed()
    assert done.returncode == 0, done
    assert main.pushed() == sorted(f"leaderboard/{name}" for name in (*NEW, "README.md"))


@pytest.mark.parametrize(
    "name",
    [
        *("entries/liminal.json", "references/mnist-5k/baseline.json"),
        *("submissions/idea/idea.py", "tolerances/mnist.json", "breaks/idea.json"),
        *("entries/idea.txt", "site.html"),
    ],
)
def test_whatever_else_changed_is_refused(main: Main, name: str) -> None:
    main.leave(**{**dict.fromkeys(NEW, "new"), name: "changed"})
    done = main.committed()
    assert done.returncode == 1
    assert len(commands(done.stdout)) == 1
    assert main.git("rev-parse", "HEAD") == main.first


def test_a_link_is_refused(main: Main) -> None:
    main.leave()
    (main.rows / "entries" / "idea.json").symlink_to("/etc/passwd")
    assert main.committed().returncode == 1


def test_without_rows_nothing_happens(main: Main) -> None:
    main.rows.rmdir()
    done = main.committed()
    assert done.returncode == 0
    assert commands(done.stdout) == ["::notice::there are no rows"]
