"""Watchers that keep what they are told."""

from subliminal_bench.running.progress import Silent


class Heard(Silent):
    """Keeps the permanent lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)
