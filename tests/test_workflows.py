"""The workflows: what they may do, and their shell steps run as GitHub would run them."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from tests.plugins_for_tests import HEAD

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TOOLS = Path(sysconfig.get_path("scripts"))

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "git", "jq", "timeout"))),
    reason="needs bash, git, jq and timeout, as GitHub's machines have them",
)

HOSTILE = """\
## idea, blind

| trait accuracy [%] | p < 0.01 |
|--------------------|----------|
| 9.1 ± 0.2          | a\\|b    |

**Verdict: suppresses**

````
::error::taken for a command
::set-output name=count::0
::stop-commands::known
```
</details><!-- subliminal-bench: scorecard --> <img src="http://example.com/x.png">
@everyone #7 GH-7 high-1 [a](http://example.com) www.example.com $x$ a@example.com
[a]: http://example.com
"""


def load(text: str) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return content


WORKFLOWS = {path.name: load(path.read_text()) for path in FILES}


def steps(workflow: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def scripts() -> dict[str, str]:
    return {
        f"{name}: {step.get('name', number)}": step["run"]
        for name, workflow in WORKFLOWS.items()
        for number, step in enumerate(steps(workflow))
        if "run" in step
    }


def step_named(file: str, name: str) -> dict[str, Any]:
    (found,) = [step for step in steps(WORKFLOWS[file]) if step.get("name") == name]
    return found


def program(file: str, name: str) -> str:
    text: str = step_named(file, name)["env"]["MARKDOWN"]
    return text


def run_step(
    file: str,
    name: str,
    folder: Path,
    environment: Mapping[str, str],
    values: Mapping[str, str],
) -> subprocess.CompletedProcess[str]:
    """Run a step's script; `values` stands for what GitHub would fill in, by expression."""
    step = step_named(file, name)
    own = {
        key: re.sub(r"^\$\{\{ (.*) \}\}$", lambda found: values[found[1]], value)
        for key, value in step.get("env", {}).items()
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={**environment, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
    )


def commands(log: str) -> list[str]:
    """What a runner takes for commands in a log, but for those that shape the log."""
    found, token = [], ""
    for line in map(str.strip, log.splitlines()):
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        elif line.startswith("::") and not line.startswith(("::group::", "::endgroup::")):
            found.append(line)
    return found


def blocks(markdown: str) -> list[str]:
    """Kinds of everything in a markdown text, by a parser that knows tables."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return [part.type for token in tokens for part in (token, *(token.children or ()))]


def texts(markdown: str) -> list[str]:
    """The pieces of text that a markdown text shows, outside of code."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return [part.content for token in tokens for part in token.children or ()]


def jq(program: str, texts: Sequence[str], **arguments: str) -> list[str]:
    """What a program makes of each text."""
    options = [word for pair in arguments.items() for word in ("--arg", *pair)]
    done = subprocess.run(
        ["jq", "-c", "--argjson", "limit", "60000", *options, program],
        input="\n".join(map(json.dumps, texts)),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


SCORE = program("score.yml", "Score them")
COMMENT = program("comment.yml", "Create or update the comment")

LIVE = {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "code_inline"}


# What the files say.


def schema_errors(*files: Path) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.github-workflows",
            *map(str, files),
        ],
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_every_workflow_is_what_github_can_read() -> None:
    assert {"ci.yml", "comment.yml", "score.yml"} <= set(WORKFLOWS)
    assert not schema_errors(*FILES)


def test_the_security_linter_finds_nothing(tmp_path: Path) -> None:
    # Official actions are pinned by their major version; no others are used.
    policy = tmp_path / "zizmor.yml"
    policy.write_text(
        '{"rules": {"unpinned-uses": {"config": {"policies": {"actions/*": "ref-pin"}}}}}'
    )
    done = subprocess.run(
        [TOOLS / "zizmor", "--offline", "--quiet", "--config", policy, FOLDER],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shell_linter_finds_nothing() -> None:
    for name, script in scripts().items():
        done = subprocess.run(
            [TOOLS / "shellcheck", "--shell=bash", "-"],
            input=script,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{name}\n{done.stdout}"


def test_no_step_mixes_values_into_shell_text() -> None:
    assert scripts()
    for name, script in scripts().items():
        assert "${{" not in script, name


def test_no_workflow_gives_a_pull_requests_code_rights_or_secrets() -> None:
    for path in FILES:
        assert "pull_request_target" not in WORKFLOWS[path.name]["on"]
        assert not re.search(r"\bsecrets\b", path.read_text())


def test_only_the_comment_workflow_may_write() -> None:
    for name, workflow in WORKFLOWS.items():
        granted = [workflow["permissions"]]
        granted += [
            job["permissions"] for job in workflow["jobs"].values() if "permissions" in job
        ]
        levels = {level for one in granted for level in one.values()}
        if name == "comment.yml":
            assert granted == [{}, {"actions": "read", "pull-requests": "write"}]
        else:
            assert levels <= {"read", "none"}, name


def test_the_comment_workflow_takes_no_code_and_runs_none() -> None:
    (download, script) = steps(WORKFLOWS["comment.yml"])
    assert download["uses"].startswith("actions/download-artifact@")
    assert "uses" not in script
    words = set(re.findall(r"[\w.]+", script["run"]))
    assert not words & {"bash", "sh", "source", "eval", "exec", "python", "chmod", "git", "pip"}


def test_actions_are_official_and_leave_no_credentials_behind() -> None:
    for workflow in WORKFLOWS.values():
        for step in steps(workflow):
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@v[0-9]+", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_every_job_ends_by_itself() -> None:
    for name, workflow in WORKFLOWS.items():
        for job in workflow["jobs"].values():
            assert "timeout-minutes" in job, name


def test_the_comment_workflow_waits_for_the_scoring() -> None:
    trigger = WORKFLOWS["comment.yml"]["on"]["workflow_run"]
    assert trigger == {"workflows": [WORKFLOWS["score.yml"]["name"]], "types": ["completed"]}
    upload = steps(WORKFLOWS["score.yml"])[-1]["with"]
    assert upload["name"] == steps(WORKFLOWS["comment.yml"])[0]["with"]["name"]


def test_the_scoring_has_one_default_however_it_is_called() -> None:
    text = (FOLDER / "score.yml").read_text()
    for name, given_input in WORKFLOWS["score.yml"]["on"]["workflow_call"]["inputs"].items():
        used = set(re.findall(rf"\binputs\.{name}\b(?: \|\| '?([^' }}]+))?", text))
        assert used == {str(given_input["default"])}, name


@pytest.mark.parametrize(
    "text",
    re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/ci.md").read_text(), re.M | re.S),
)
def test_the_documented_workflows_are_ones_that_github_can_read(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "documented.yml"
    path.write_text(text)
    assert not schema_errors(path)
    for job in load(text)["jobs"].values():
        called = WORKFLOWS[re.sub(r"^.*/\.github/workflows/(.*)@.*$", r"\1", job["uses"])]
        accepted = (called["on"]["workflow_call"] or {}).get("inputs", {})
        assert set(job.get("with", {})) <= set(accepted)


# The scoring.


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


@pytest.fixture
def pull_request(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def test_a_new_plugin_is_scored(pull_request: PullRequest) -> None:
    pull_request.write("plugins/idea.py", "echo '## idea\n\n| a |\n|---|\n| 1 |'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.report == "# plugins/idea.py\n\n## idea\n\n| a |\n|---|\n| 1 |\n\n"
    assert (pull_request.artifact / "number").read_text() == "42\n"
    assert pull_request.output.read_text() == "count=1\n"
    assert pull_request.called.read_text().split("\0")[:-1] == [
        *("run", "--protocol", "mnist-5k", "--seeds", "1-7", "--format", "markdown"),
        *("--", "./plugins/idea.py"),
    ]


def test_new_and_changed_plugins_are_scored_and_no_others(pull_request: PullRequest) -> None:
    pull_request.write("plugins/idea.py", "echo '## idea'")
    pull_request.write("plugins/old.py", "echo '## new'")
    pull_request.write("elsewhere/other.py", "echo '## other'")
    pull_request.write("plugins/_shared.py", "echo '## shared'")
    pull_request.write("plugins/deeper/other.py", "echo '## deeper'")
    pull_request.write("plugins/folder.py/inner.py", "echo '## inner'")
    (pull_request.repository / "plugins" / "dangling.py").symlink_to("nowhere")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.headings == ["plugins/idea.py", "plugins/old.py"]
    assert "## new" in pull_request.report


def test_what_came_into_the_branch_from_main_is_not_scored(pull_request: PullRequest) -> None:
    pull_request.write("plugins/idea.py", "echo '## idea'")
    pull_request.commit()
    pull_request.git("checkout", "--quiet", "main")
    pull_request.write("plugins/kept.py", "echo '## changed on main'")
    pull_request.commit()
    pull_request.git("checkout", "--quiet", "change")
    pull_request.score()
    assert pull_request.headings == ["plugins/idea.py"]


@pytest.mark.parametrize("folder", [False, True])
def test_without_plugins_left_the_report_says_so(
    pull_request: PullRequest, folder: bool
) -> None:
    (pull_request.repository / "plugins" / "old.py").unlink()
    if folder:
        shutil.rmtree(pull_request.repository / "plugins")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.report == "No plugin is added or changed.\n"
    assert pull_request.output.read_text() == "count=0\n"
    assert not pull_request.scored


def test_a_deleted_plugin_is_left_out_and_a_renamed_one_is_scored(
    pull_request: PullRequest,
) -> None:
    (pull_request.repository / "plugins" / "kept.py").unlink()
    pull_request.git("mv", "plugins/old.py", "plugins/renamed.py")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.headings == ["plugins/renamed.py"]


def test_no_name_of_a_file_is_anything_but_a_name(pull_request: PullRequest) -> None:
    names = [
        "-x y.py",
        "--debug.py",
        "a;touch pwned.py",
        "$(touch pwned).py",
        "line\nbreak\n::error::.py",
        "@everyone [a](b) `c` <d> **e** #1.py",
        "ä.py",
    ]
    for name in names:
        pull_request.write(f"plugins/{name}", "echo '## card'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert sorted(pull_request.scored) == sorted(f"./plugins/{name}" for name in names)
    assert len(pull_request.headings) == len(names)
    assert not LIVE & set(blocks(pull_request.report))
    assert not list(pull_request.repository.rglob("pwned*"))
    assert commands(done.stdout) == []


@pytest.mark.parametrize("folder", [".", "-deep er/plug*"])
def test_plugins_may_lie_in_any_folder(pull_request: PullRequest, folder: str) -> None:
    pull_request.values["inputs.folder || 'plugins'"] = folder
    pull_request.write(f"{folder}/-idea.py", "echo '## card'")
    pull_request.write(f"{folder}s/other.py", "echo '## card'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.scored == [f"./{folder}/-idea.py"]


def test_a_failing_plugin_fails_the_job_after_the_others_were_scored(
    pull_request: PullRequest,
) -> None:
    pull_request.write(
        "plugins/a.py", "echo 'half: 50 %' >&2; echo 'error: a *b* __c__' >&2; exit 2"
    )
    pull_request.write("plugins/b.py", "echo '## b'")
    done = pull_request.score()
    assert done.returncode == 1
    assert commands(done.stdout) == ["::error::1 of 2 plugins failed"]
    assert pull_request.report == (
        "# plugins/a.py\n\n**Failed:** a &#42;b&#42; &#95;&#95;c&#95;&#95;\n\n"
        "# plugins/b.py\n\n## b\n\n"
    )


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("exit 3", "ended with exit code 3: "),
        ("echo 'ValueError: x' >&2; exit 1", "ended with exit code 1: ValueError: x"),
        ("exit 0", "printed no scorecard"),
        ("kill -9 $$", "killed: no memory left, or no end after"),
        ("printf 'error: a\\000\\033\\377b' >&2; exit 2", "a\ufffdb"),
    ],
)
def test_every_failure_gets_one_line(pull_request: PullRequest, plugin: str, said: str) -> None:
    pull_request.write("plugins/idea.py", plugin)
    assert pull_request.score().returncode == 1
    assert pull_request.report.splitlines()[2].startswith(f"**Failed:** {said}")


def test_a_plugin_that_hangs_costs_the_others_nothing(pull_request: PullRequest) -> None:
    pull_request.values["inputs.minutes || 60"] = "0"
    pull_request.write("plugins/a.py", "sleep 60 & wait")
    pull_request.write("plugins/b.py", "echo '## b'")
    assert pull_request.score().returncode == 1
    assert "stopped after 1 s, its share of the time" in pull_request.report
    assert "## b" in pull_request.report


def test_a_plugin_can_tell_the_runner_and_the_reader_nothing(pull_request: PullRequest) -> None:
    quoted = HOSTILE.replace("'", "'\\''")
    pull_request.write("plugins/good.py", f"printf '%s' '{quoted}' | tee /dev/stderr")
    pull_request.write("plugins/poor.py", f"printf '%s' '{quoted}' >&2; exit 1")
    done = pull_request.score()
    assert done.returncode == 1
    assert commands(done.stdout) == ["::error::1 of 2 plugins failed"]
    kinds = blocks(pull_request.report)
    assert not LIVE & set(kinds)
    # What belongs to a scorecard is still there.
    assert kinds.count("table_open") == 1
    assert kinds.count("heading_open") == 3
    assert "a\\|b" in pull_request.report
    assert "@everyone" not in pull_request.report


def test_a_plugin_gets_neither_the_runners_files_nor_results_of_the_pull_request(
    pull_request: PullRequest,
) -> None:
    pull_request.write(
        "plugins/idea.py",
        'echo "$(env | grep ^GITHUB_)$SUBLIMINAL_BENCH_STORE"',
    )
    pull_request.score()
    assert pull_request.report.splitlines()[2] == str(pull_request.temp / "subliminal/store")


@pytest.mark.parametrize("line", ["x" * 70 + "\n", "x", "[" * 70 + "\n"])
def test_too_long_a_text_is_cut_and_takes_no_room_from_others(
    pull_request: PullRequest, line: str
) -> None:
    (pull_request.repository / "long").write_text(line * (150_000 // len(line)))
    pull_request.write("plugins/a.py", "echo '## a'; cat long")
    pull_request.write("plugins/b.py", "echo '## b'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert len(pull_request.report) <= 60_000
    assert "## a\n" in pull_request.report
    assert "## b\n" in pull_request.report
    assert "Cut here" in pull_request.report


def test_the_whole_report_is_cut_too(pull_request: PullRequest) -> None:
    for number in range(40):
        pull_request.write(f"plugins/{'&' * 200}{number}.py", "yes | head -n 1000")
    pull_request.score()
    assert 50_000 < len(pull_request.report) <= 60_000


def test_only_pull_requests_are_scored(pull_request: PullRequest) -> None:
    pull_request.values["github.event_name"] = "pull_request_target"
    done = pull_request.find()
    assert done.returncode == 1
    assert commands(done.stdout) == [
        "::error::this workflow scores pull requests: call it on pull_request, "
        "not on pull_request_target"
    ]


@pytest.mark.parametrize(
    ("package", "constrained", "arguments"),
    [
        ("", True, "-m pip install -c constraints.txt ."),
        ("", False, "-m pip install ."),
        ("subliminal-bench >= 0.1", True, "-m pip install -- subliminal-bench >= 0.1"),
        ("$(touch pwned)", False, "-m pip install -- $(touch pwned)"),
    ],
)
def test_the_package_named_is_installed_or_else_the_repository(
    pull_request: PullRequest, package: str, constrained: bool, arguments: str
) -> None:
    pull_request.stub("python", 'echo "$*" > "$CALLED"; echo "::error::x"')
    pull_request.values["inputs.package"] = package
    if constrained:
        pull_request.write("constraints.txt", "")
    done = pull_request.run("Install subliminal-bench")
    assert done.returncode == 0, done
    assert pull_request.called.read_text() == f"{arguments}\n"
    assert not (pull_request.repository / "pwned").exists()
    assert commands(done.stdout) == []


def test_an_installation_without_the_program_is_named(pull_request: PullRequest) -> None:
    (pull_request.stubs / "subliminal-bench").unlink()
    pull_request.stub("python", "true")
    pull_request.environment["PATH"] = f"{pull_request.stubs}:/usr/bin:/bin"
    done = pull_request.run("Install subliminal-bench")
    assert done.returncode == 1
    assert "name it in the input 'package'" in commands(done.stdout)[0]


@pytest.fixture
def with_program(pull_request: PullRequest) -> PullRequest:
    """The real program in the place of its stand-in."""
    program = pull_request.stubs / "subliminal-bench"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m subliminal_bench "$@"\n')
    pull_request.environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return pull_request


def test_the_programs_own_error_reaches_the_report(with_program: PullRequest) -> None:
    with_program.write("plugins/-my idea.py", "raise ValueError('<no> luck')")
    assert with_program.score().returncode == 1
    assert with_program.report.splitlines()[2] == (
        "**Failed:** cannot load ./plugins/-my idea.py: ValueError: &#60;no&#62; luck "
        "(-my idea.py, line 1)"
    )


@pytest.mark.slow
def test_the_programs_own_scorecard_reaches_the_report(with_program: PullRequest) -> None:
    with_program.values["inputs.seeds || '1-7'"] = "1"
    with_program.write(
        "plugins/-my idea.py",
        HEAD + '@hookimpl\ndef mitigation():\n    return Card(name="idea", title="An idea")\n',
    )
    done = with_program.score()
    assert done.returncode == 0, done
    assert "| trait accuracy &#91;%&#93;" in with_program.report
    assert "**Verdict: " in with_program.report
    assert blocks(with_program.report).count("table_open") == 3
    assert not LIVE & set(blocks(with_program.report))


# The comment.

GH = """\
import json, os, pathlib, sys
folder, words = pathlib.Path(os.environ["ANSWERS"]), sys.argv[1:]
assert os.environ["GH_TOKEN"] == "token"
body = [pathlib.Path(word[6:]).read_text() for word in words if word.startswith("body=@")]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([words, *body]) + "\\n")
if "--method" not in words:
    print((folder / words[-1].split("?")[0].replace("/", "_").replace("--", "")).read_text())
"""
MARKER = step_named("comment.yml", "Create or update the comment")["env"]["MARKER"]


class Commenting:
    """The run of the comment workflow on what a scoring left behind."""

    def __init__(self, folder: Path) -> None:
        self.artifact = folder / "subliminal"
        self.answers = folder / "answers"
        stubs = folder / "stubs"
        for one in (self.artifact, self.answers, stubs):
            one.mkdir()
        (self.answers / "calls").touch()
        (self.answers / ".head.sha").write_text("cafe")
        self.comments()
        self.leave("42\n", "# plugins/idea.py\n\n## idea\n")
        gh = stubs / "gh"
        gh.write_text(f"#!{sys.executable}\n{GH}")
        gh.chmod(0o755)
        self.folder = folder
        self.environment = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "ANSWERS": str(self.answers),
            "RUNNER_TEMP": str(folder),
            "GITHUB_REPOSITORY": "owner/repository",
        }

    def comments(self, *known: tuple[int, str, str]) -> None:
        """The comments that there are: number, author, body; one a page."""
        pages = [[{"id": n, "user": {"login": who}, "body": body}] for n, who, body in known]
        text = "".join(map(json.dumps, pages)) or "[]"
        (self.answers / "repos_owner_repository_issues_42_comments").write_text(text)

    def leave(self, number: str, report: str) -> None:
        (self.artifact / "number").write_text(number)
        (self.artifact / "report.md").write_text(report)

    def run(self) -> subprocess.CompletedProcess[str]:
        return run_step(
            "comment.yml",
            "Create or update the comment",
            self.folder,
            self.environment,
            {
                "github.token": "token",
                "github.event.workflow_run.head_sha": "cafe",
                "github.event.workflow_run.html_url": "https://github.com/o/r/actions/runs/1",
            },
        )

    @property
    def calls(self) -> list[str]:
        """Method and path of every call."""
        found = []
        for line in (self.answers / "calls").read_text().splitlines():
            words = json.loads(line)[0]
            method = words[words.index("--method") + 1] if "--method" in words else "GET"
            (path,) = [word for word in words if word.startswith("repos/owner/repository/")]
            found.append(f"{method} {path.removeprefix('repos/owner/repository/')}")
        return found

    @property
    def body(self) -> str:
        """What was written, once."""
        written = [json.loads(line) for line in (self.answers / "calls").open()]
        (body,) = [call[1] for call in written if len(call) == 2]
        return str(body)


@pytest.fixture
def commenting(tmp_path: Path) -> Commenting:
    return Commenting(tmp_path)


READS = ["GET pulls/42", "GET issues/42/comments?per_page=100"]


def test_the_first_report_makes_a_comment(commenting: Commenting) -> None:
    done = commenting.run()
    assert done.returncode == 0, done
    assert commenting.calls == [*READS, "POST issues/42/comments"]
    assert commenting.body == (
        f"{MARKER}\nThis pull request's own code made these numbers, at cafe "
        "([run](https://github.com/o/r/actions/runs/1)).\n\n# plugins/idea.py\n\n## idea\n\n"
    )


def test_later_reports_update_that_comment(commenting: Commenting) -> None:
    commenting.comments(
        (5, "somebody", "hello"),
        (6, "somebody", f"{MARKER} not the workflow's"),
        (7, "github-actions[bot]", f"quoted: {MARKER}"),
        (8, "github-actions[bot]", f"{MARKER}\nearlier"),
        (9, "github-actions[bot]", f"{MARKER}\na second one, from a race"),
    )
    done = commenting.run()
    assert done.returncode == 0, done
    assert commenting.calls == [*READS, "PATCH issues/comments/8"]


@pytest.mark.parametrize(
    "number", ["", "0", "042", "-1", "4 2", "42\n43", "42/../43", "$(id)", "４２", "9" * 30]
)
def test_a_number_that_is_none_is_refused(commenting: Commenting, number: str) -> None:
    commenting.leave(number, "# report\n")
    (commenting.answers / ".head.sha").write_text("other")
    done = commenting.run()
    assert done.returncode == 1
    assert len(commands(done.stdout)) == 1
    assert not [call for call in commenting.calls if not call.startswith("GET pulls/9999")]


def test_a_pull_request_at_another_commit_is_refused(commenting: Commenting) -> None:
    (commenting.answers / ".head.sha").write_text("beef")
    done = commenting.run()
    assert done.returncode == 1
    assert commenting.calls == READS[:1]
    assert "pull request 42 is not, or no longer, at the commit" in commands(done.stdout)[0]


@pytest.mark.parametrize("missing", ["number", "report.md"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_scoring_that_left_no_report_is_passed_over(
    commenting: Commenting, missing: str, linked: bool
) -> None:
    path = commenting.artifact / missing
    path.unlink()
    if linked:
        path.symlink_to("/etc/hostname")
    done = commenting.run()
    assert done.returncode == 0
    assert commands(done.stdout) == ["::notice::the scoring ended before it had a report"]
    assert commenting.calls == []


FORGED = [
    "@everyone\n",
    "a@example.com\n",
    "fixes #7\n",
    "gh-7\n",
    "http://example.com\n",
    "WWW.example.com\n",
    "[a]: /b\n\n[a]\n",
    f"{MARKER}\n",
    "<b\n",
    "~~~\n",
    "```\n",
    "$$x$$\n",
    "&commat;everyone\n",
    "&#64;everyone\n",
    "&#x40;everyone\n",
    "&#0060;\n",
    "gh\\-7\n",
    "\u202egnp.exe\n",
    "\n\n- a\n  1. b\n\n> `x\n[a](b)\n",
]


def shows_as_it_stands(comment: str, text: str) -> bool:
    head, _, quoted = comment.partition(").\n\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(quoted)
    return (
        head.startswith(MARKER)
        and [token.type for token in tokens] == ["code_block"]
        and tokens[0].content.strip("\n ") == text.strip("\n ")
    )


def test_forged_text_is_shown_as_it_stands(commenting: Commenting) -> None:
    commenting.leave("42", f"{HOSTILE}\r</pre>\r@everyone\0\x1b")
    assert commenting.run().returncode == 0
    assert shows_as_it_stands(commenting.body, f"{HOSTILE}</pre>@everyone")


def test_no_part_of_a_forgery_goes_unseen() -> None:
    comments = jq(COMMENT, FORGED, marker=MARKER, sha="cafe", url="u")
    for text, comment in zip(FORGED, comments, strict=True):
        assert shows_as_it_stands(comment, text), text


def test_no_report_is_too_long_to_comment(commenting: Commenting) -> None:
    for text in ("x" * 300_000, "`" * 300_000, "\n" * 100_000 + "<"):
        (commenting.answers / "calls").write_text("")
        commenting.leave("42", text)
        assert commenting.run().returncode == 0
        assert len(commenting.body) < 65_000


nasty = st.lists(
    st.sampled_from(
        [
            *"@#:/&;<>[]()!`~$*_|\\- \n1a",
            *(
                "www.",
                "://",
                "GH-",
                "gh\\-",
                "&#64;",
                "&lt;",
                "\u200b",
                "\u202e",
                "]: ",
                "    ",
            ),
        ]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=15, deadline=None)
@example(cards=[HOSTILE], failures=[HOSTILE], name=HOSTILE)
@given(
    cards=st.lists(nasty, min_size=20, max_size=40),
    failures=st.lists(nasty, min_size=20, max_size=40),
    name=nasty,
)
def test_whatever_a_plugin_prints_the_comment_shows_a_card_and_nothing_live(
    cards: list[str], failures: list[str], name: str
) -> None:
    sections = jq(f"{SCORE} card", cards, plugin=name)
    sections += jq(f"{SCORE} failure", failures, plugin=name)
    # Shown as it was made, not as text that was forged.
    comments = jq(COMMENT, sections, marker="", sha="cafe", url="u")
    for section, comment in zip(sections, comments, strict=True):
        assert comment.endswith(f")).\n\n{section}\n")
        # Four blanks indent a block of code, in which nothing is live either.
        assert not set(blocks(section)) & (LIVE - {"code_block"})
        for text in texts(section):
            assert not re.search(r"@\w|#\d|www\.|\bgh-\d", text, re.I), text
