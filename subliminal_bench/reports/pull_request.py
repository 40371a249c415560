"""The branch and the pull request that send a submission in."""

import shlex
from dataclasses import dataclass

from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.results.submissions import SUBMISSIONS, Submission


@dataclass(frozen=True)
class PullRequest:
    """What its author types or pastes.

    Attributes:
        commands: that make the branch, one a line.
        title: of the pull request.
        body: its text, in markdown.
    """

    commands: tuple[str, ...]
    title: str
    body: str

    @property
    def text(self) -> str:
        """All of it, as it is printed."""
        lines = ["make the branch:", *(f"  {one}" for one in self.commands), ""]
        return "\n".join([*lines, f"open a pull request: {self.title}", "", self.body])


def pull_request(submission: Submission) -> PullRequest:
    """The pull request of a submission; no number is in it.

    Args:
        submission: in the folder that is sent in.
    """
    name, folder = submission.folder.name, shlex.quote(str(submission.folder))
    title = f"Submit {submission.name}"
    settings = ", ".join(f"{key}={value}" for key, value in submission.settings.items())
    said = [
        f"This adds `leaderboard/{SUBMISSIONS}/{name}/` and nothing else: "
        f"{len(submission.files)} files, no numbers.",
        f"Settings that differ from the card's: {literal(settings) or 'none'}.",
    ]
    tuning = submission.text.tuning
    said.append(
        f"Tuned: {tuning.trials} settings on seeds {tuning.seeds} ({literal(tuning.space)})."
        if tuning
        else "Tuned: no."
    )
    said.append("I wrote it, or may submit it, and I know that its source will be public.")
    return PullRequest(
        (
            f"git switch -c submit-{name}",
            f"git add {folder}",
            f"git commit -m {shlex.quote(title)}",
        ),
        title,
        "\n\n".join(said),
    )
