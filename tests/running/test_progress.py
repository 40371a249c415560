"""Progress: a bar on a terminal, a plain line now and then elsewhere."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from subliminal_bench.running import progress
from subliminal_bench.running.machine import Queue
from subliminal_bench.running.progress import ConsoleWatcher


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def plain() -> tuple[ConsoleWatcher, io.StringIO]:
    text = io.StringIO()
    return ConsoleWatcher(Console(file=text, width=80, force_terminal=False)), text


def test_off_a_terminal_a_line_says_what_is_done_and_how_long_is_left(clock: Clock) -> None:
    watcher, text = plain()
    with watcher:
        watcher.total(100)
        watcher.doing("halve, seed 3")
        clock.now += 60
        watcher.advance(50)
    assert text.getvalue() == "halve, seed 3: 50 % done, 1:00 left\n"


def test_unannounced_work_is_never_more_than_all_of_it(clock: Clock) -> None:
    watcher, text = plain()
    with watcher:
        watcher.total(100)
        watcher.doing("halve, seed 3")
        clock.now += 60
        watcher.advance(107)
    assert text.getvalue() == "halve, seed 3: 100 % done, 0:00 left\n"


def test_lines_come_at_most_every_ten_seconds(clock: Clock) -> None:
    watcher, text = plain()
    with watcher:
        watcher.total(1000)
        for _ in range(300):
            clock.now += 0.1
            watcher.advance(1)
    assert 2 <= len(text.getvalue().splitlines()) <= 3


class Shares(Queue):
    """A queue with these shares, one after the other."""

    def __init__(self, *shares: float | None) -> None:
        self.shares = list(shares)

    def share(self) -> float | None:
        return self.shares.pop(0)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_busy_machine_is_named_once(terminal: bool, clock: Clock) -> None:
    text = Screen() if terminal else io.StringIO()
    console = Console(file=text, width=200, force_terminal=terminal)
    queue = Shares(None, 0.1, 0.62)
    with ConsoleWatcher(console, queue) as watcher:
        watcher.total(1000)
        for _ in range(60):
            clock.now += 1.0
            watcher.advance(1)
    assert text.getvalue().count("waits for them 62 % of the time") == 1
    assert queue.shares == []


def test_a_line_after_all_is_done_says_that_nothing_is_left(clock: Clock) -> None:
    watcher, text = plain()
    with watcher:
        watcher.total(10)
        clock.now += 30
        watcher.advance(10)
    assert "100 % done, 0:00 left" in text.getvalue()


def test_no_step_done_after_a_long_download_is_no_failure(clock: Clock) -> None:
    watcher, _ = plain()
    with watcher:
        watcher.doing("downloading")
        clock.now += 120
        watcher.total(100)
        watcher.advance(0)
        clock.now += 20
        watcher.advance(0)


def test_nothing_to_do_is_no_failure(clock: Clock) -> None:
    watcher, _ = plain()
    with watcher:
        watcher.total(0)
        clock.now += 20
        watcher.advance(0)


def test_off_a_terminal_no_control_characters_are_written(clock: Clock) -> None:
    watcher, text = plain()
    with watcher:
        watcher.total(4)
        for _ in range(4):
            clock.now += 11
            watcher.advance(1)
    assert text.getvalue()
    assert not any(character in text.getvalue() for character in "\x1b\r")


BRACKETS = ("halve[0], seed 1", "a [/red] name, seed 1", "[bold]")


@pytest.mark.parametrize("line", [*BRACKETS, "downloading into /a/folder" + "/below" * 20])
def test_a_line_that_stays_is_printed_as_it_is(line: str) -> None:
    watcher, text = plain()
    with watcher:
        watcher.say(line)
    assert text.getvalue().rstrip("\n") == line


@pytest.mark.parametrize("what", BRACKETS)
def test_a_bar_shows_brackets_in_a_name_as_they_are(what: str) -> None:
    text = Screen()
    console = Console(file=text, width=120, force_terminal=True)
    with ConsoleWatcher(console) as watcher:
        watcher.total(10)
        watcher.doing(what)
        watcher.advance(5)
    assert what in text.getvalue()


def test_a_failure_inside_ends_the_bar_and_passes_on() -> None:
    console = Console(file=Screen(), width=80, force_terminal=True)
    with pytest.raises(KeyError), ConsoleWatcher(console):
        raise KeyError
    # A second bar on the same console: rich allows one alive at a time.
    with ConsoleWatcher(console) as watcher:
        watcher.total(1)


def test_colours_without_a_terminal_bring_no_bar() -> None:
    text = io.StringIO()
    console = Console(file=text, width=80, force_terminal=True)
    with ConsoleWatcher(console) as watcher:
        watcher.total(10)
        watcher.doing("halve, seed 3")
        watcher.advance(5)
    assert text.getvalue() == ""
