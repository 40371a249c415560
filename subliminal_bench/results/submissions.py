"""A submission's folder as the leaderboard knows it (to be joined with the strict reader)."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.card import Value

SUBMISSIONS = "submissions"


@dataclass(frozen=True)
class Submission:
    """A submission as it was read."""

    folder: Path
    name: str
    mitigation: str
    settings: dict[str, Value]
    sha256: str

    @property
    def spec(self) -> str:
        """The mitigation, as `load_mitigation` takes it."""
        return str(self.folder / self.mitigation)


def read_submission(folder: Path) -> Submission:
    """Read a submission's folder."""
    path = folder / "submission.toml"
    if not path.is_file():
        raise ResultError(f"no submission in {folder}: it has no submission.toml")
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    digest = hashlib.sha256()
    for one in sorted(folder.iterdir()):
        if one.is_file():
            digest.update(one.name.encode() + b"\0" + one.read_bytes())
    return Submission(
        folder,
        found["name"],
        found["mitigation"],
        found.get("settings", {}),
        digest.hexdigest(),
    )
