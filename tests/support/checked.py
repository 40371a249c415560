"""What the conformance kit finds in a file, looked at in a copy of this process."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from subliminal_bench import conformance
from subliminal_bench.conformance import CHECKS, State

# The one check that takes seconds; the others together take less than one.
BY_HEART = "nothing_by_heart"
QUICK = tuple(name for name in CHECKS if name != BY_HEART)
# Fixed here, so that a test gives the same every time; drawn anew where it counts.
SECRET = 3


def in_a_child(function: Callable[[], dict[str, str]]) -> tuple[dict[str, str], int | None]:
    """What a function returns in a copy of this process, and the copy's exit code.

    What it spoils there is gone with it. `{}` where the copy ends before the function does.
    """
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def answer(connection: Connection) -> None:
        try:
            found = function()
        except BaseException as error:
            found = {"raised": repr(error).splitlines()[0]}
        connection.send(found)

    child = context.Process(target=answer, args=(sending,))
    child.start()
    sending.close()
    try:
        found = receiving.recv()
    except EOFError:
        found = {}
    child.join()
    return found, child.exitcode


def failed(path: Path, only: Sequence[str] = QUICK) -> dict[str, str]:
    """The checks that a mitigation fails, each with what was found."""

    def run() -> dict[str, str]:
        results = conformance.check(str(path), only=only, secret=SECRET)
        return {one.check.name: one.detail for one in results if one.state is State.FAILED}

    return in_a_child(run)[0]
