"""Typing a command, and what comes of it."""

import sys
from dataclasses import dataclass

import pytest

from subliminal_bench.cli import main

# The options that choose the test protocol.
ON_TINY = ("--protocol", "tiny", "--device", "cpu")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of the error; progress lines may come before it."""
        assert self.code == 2, self
        assert "Traceback" not in self.out + self.err
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert lines[-1] == errors[0]
        return errors[0].removeprefix("error: ")


class Terminal:
    """Types commands, in an empty folder."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        words = ["subliminal-bench", *map(str, arguments)]
        self._monkeypatch.setattr(sys, "argv", words)
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self._capsys.readouterr()
        code = caught.value.code
        return Ended(code if isinstance(code, int) else 0, printed.out, printed.err)
