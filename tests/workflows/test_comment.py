"""The workflow that writes a scoring's report into a comment, whatever the report holds."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support.workflows import (
    HOSTILE,
    LIVE,
    blocks,
    commands,
    jq,
    needs_tools,
    program,
    run_step,
    step_named,
    texts,
)

pytestmark = needs_tools

SCORE = program("score.yml", "Score them")
COMMENT = program("comment.yml", "Create or update the comment")
MARKER = step_named("comment.yml", "Create or update the comment")["env"]["MARKER"]

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
