"""The workflows' files, and their shell steps run as GitHub would run them."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))

needs_tools = pytest.mark.skipif(
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


LIVE = {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "code_inline"}
