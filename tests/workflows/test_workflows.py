"""The workflows: what their files say, and what they may do."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.workflows import (
    FILES,
    FOLDER,
    ROOT,
    WORKFLOWS,
    load,
    needs_tools,
    scripts,
    steps,
)

pytestmark = needs_tools

TOOLS = Path(sysconfig.get_path("scripts"))


def schema_errors(*files: Path, schema: str = "vendor.github-workflows") -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            schema,
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


def test_only_the_workflows_that_run_nothing_may_write() -> None:
    for name, workflow in WORKFLOWS.items():
        granted = [workflow["permissions"]]
        granted += [
            job["permissions"] for job in workflow["jobs"].values() if "permissions" in job
        ]
        levels = {level for one in granted for level in one.values()}
        if name == "comment.yml":
            assert granted == [{}, {"actions": "read", "pull-requests": "write"}]
        elif name == "row.yml":
            assert granted == [{}, {"actions": "read", "contents": "write"}]
        else:
            assert levels <= {"read", "none"}, name


def test_the_comment_workflow_takes_no_code_and_runs_none() -> None:
    (download, script) = steps(WORKFLOWS["comment.yml"])
    assert download["uses"].startswith("actions/download-artifact@")
    assert "uses" not in script
    words = set(re.findall(r"[\w.]+", script["run"]))
    assert not words & {"bash", "sh", "source", "eval", "exec", "python", "chmod", "git", "pip"}


def test_the_row_workflow_runs_neither_the_submissions_nor_the_program() -> None:
    *taken, script = steps(WORKFLOWS["row.yml"])
    assert [step["uses"].partition("@")[0] for step in taken] == [
        "actions/checkout",
        "actions/download-artifact",
    ]
    words = set(re.findall(r"[\w.-]+", script["run"]))
    forbidden = {"bash", "sh", "source", "eval", "exec", "python", "chmod", "pip"}
    assert not words & {*forbidden, "subliminal-bench"}


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


def test_the_row_workflow_waits_for_the_verification_on_main() -> None:
    trigger = WORKFLOWS["row.yml"]["on"]["workflow_run"]
    assert trigger == {
        "workflows": [WORKFLOWS["verify.yml"]["name"]],
        "types": ["completed"],
        "branches": ["main"],
    }
    upload = steps(WORKFLOWS["verify.yml"])[-1]["with"]
    assert upload["name"] == steps(WORKFLOWS["row.yml"])[1]["with"]["name"]
    # Only what a maintainer merged starts it, or a maintainer's own hand.
    assert set(WORKFLOWS["verify.yml"]["on"]) == {"push", "workflow_dispatch"}
    assert WORKFLOWS["verify.yml"]["on"]["push"]["branches"] == ["main"]


def test_the_forms_for_issues_are_ones_that_github_can_read() -> None:
    forms = sorted((FOLDER.parent / "ISSUE_TEMPLATE").glob("*.yml"))
    assert [path.stem for path in forms] == ["break"]
    assert not schema_errors(*forms, schema="vendor.github-issue-forms")


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
