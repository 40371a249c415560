"""A pull request as the scoring workflow sees it."""

import os
import subprocess
from pathlib import Path

from tests.support.workflows import run_step


class PullRequest:
    """A pull request against a repository of plugins, and the workflow that scores it.

    In place of the program stands one that runs each plugin as a shell script.
    """

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.temp = folder / "temp"
        self.stubs = folder / "stubs"
        self.called = folder / "called"
        self.summary = folder / "summary"
        self.output = folder / "output"
        for one in (self.repository, self.temp, self.stubs):
            one.mkdir()
        for one in (self.called, self.summary, self.output):
            one.touch()
        self.stub(
            "subliminal-bench",
            'printf "%s\\0" "$@" >> "$CALLED"\nfor last; do :; done\nexec sh "$last"',
        )
        self.environment = {
            "PATH": f"{self.stubs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{
                f"GIT_{who}_{what}": "tester"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
            "CALLED": str(self.called),
            "RUNNER_TEMP": str(self.temp),
            **{f"GITHUB_{name}": os.devnull for name in ("ENV", "PATH", "STATE")},
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }
        self.values = {
            "github.event_name": "pull_request",
            "github.event.pull_request.number": "42",
            "inputs.folder || 'plugins'": "plugins",
            "inputs.protocol || 'mnist-5k'": "mnist-5k",
            "inputs.seeds || '1-7'": "1-7",
            "inputs.minutes || 60": "60",
            "inputs.package": "",
        }
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("plugins/old.py", "echo '## old'")
        self.write("plugins/kept.py", "echo '## kept'")
        self.commit()
        self.git("checkout", "--quiet", "-b", "change")

    def stub(self, name: str, script: str) -> None:
        path = self.stubs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def git(self, *arguments: str) -> None:
        subprocess.run(
            ["git", *arguments],
            cwd=self.repository,
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def write(self, name: str, content: str) -> None:
        path = self.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def commit(self) -> None:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message=-")

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        return run_step("score.yml", step, self.repository, self.environment, self.values)

    def find(self) -> subprocess.CompletedProcess[str]:
        """Merge, as GitHub does, and look for the plugins."""
        self.commit()
        self.git("checkout", "--quiet", "main")
        self.commit()
        self.git("merge", "--quiet", "--no-ff", "--message=-", "change")
        return self.run("Find the changed plugins")

    def score(self) -> subprocess.CompletedProcess[str]:
        found = self.find()
        assert found.returncode == 0, found
        return self.run("Score them")

    @property
    def artifact(self) -> Path:
        return self.temp / "subliminal" / "report"

    @property
    def report(self) -> str:
        text = (self.artifact / "report.md").read_text()
        assert self.summary.read_text() == text
        return text

    @property
    def headings(self) -> list[str]:
        return [line[2:] for line in self.report.splitlines() if line.startswith("# ")]

    @property
    def scored(self) -> list[str]:
        """The files that the program was called with."""
        return [one for one in self.called.read_text().split("\0") if one.startswith("./")]
