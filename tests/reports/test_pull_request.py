"""The pull request of a submission says what is sent, and no number."""

import shlex
from pathlib import Path

from markdown_it import MarkdownIt

from subliminal_bench.reports.pull_request import pull_request
from subliminal_bench.results.submissions import Submission, SubmissionText, Tuning


def submission(**text: object) -> Submission:
    said = SubmissionText.model_validate({"name": "idea", "mitigation": "idea.py", **text})
    return Submission(
        Path("a folder/submissions/idea"), said, {"idea.py": b"", "submission.toml": b""}
    )


def test_its_commands_make_a_branch_with_that_folder_and_nothing_else() -> None:
    found = pull_request(submission())
    words = [shlex.split(line) for line in found.commands]
    assert words[0] == ["git", "switch", "-c", "submit-idea"]
    assert words[1] == ["git", "add", "a folder/submissions/idea"]
    assert words[2][:3] == ["git", "commit", "-m"]
    assert all(line in found.text for line in (*found.commands, found.title, found.body))


def test_it_tells_settings_and_tuning_as_text() -> None:
    tuning = Tuning(trials=40, space="<b>all</b> *of* them", seeds="1001-1003", log="tried.csv")
    body = pull_request(submission(settings={"weight": 2.0}, tuning=tuning)).body
    shown = MarkdownIt("commonmark").render(body)
    assert "weight=2.0" in shown
    assert "40 settings on seeds 1001-1003" in shown
    assert "&lt;b&gt;all&lt;/b&gt; *of* them" in shown
    assert "Tuned: no." in pull_request(submission()).body
