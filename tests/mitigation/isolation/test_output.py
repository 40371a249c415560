"""What a mitigation prints is shown as lines of its own, without surprises, up to a limit."""

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.mitigation.isolation.output import MOST_SHOWN, relay
from subliminal_bench.printable import unseen_character


def shown(content: bytes) -> str:
    screen = io.StringIO()
    relay(io.BytesIO(content), screen.write)
    return screen.getvalue()


@given(st.binary(max_size=3000) | st.text(max_size=3000).map(lambda one: one.encode("utf-8")))
def test_every_line_is_marked_and_has_no_unseen_character(content: bytes) -> None:
    said = shown(content)
    assert said.endswith("\n") == bool(content)
    for line in said.split("\n")[:-1]:
        assert line.startswith("| ")
        assert unseen_character(line) is None


@given(st.lists(st.text(st.characters(categories=["L", "N"]), max_size=99), max_size=50))
def test_plain_lines_are_shown_as_they_are(lines: list[str]) -> None:
    content = "".join(f"  {line}\n" for line in lines).encode()
    assert shown(content) == "".join(f"|   {line}\n" for line in lines).replace(
        "|   \n", "|   \n"
    )


@given(
    st.integers(0, 3), st.integers(1, 300_000), st.sampled_from([b"x", b"\n", b"\t", b"\x1b"])
)
def test_however_much_comes_little_is_shown(lines: int, count: int, what: bytes) -> None:
    said = shown(b"line\n" * lines + what * count)
    assert len(said) <= MOST_SHOWN + 200
    cut = said.endswith("| ... more than 64 KiB of output: the rest is dropped\n")
    assert cut == (len(said) > MOST_SHOWN)
    assert said.count("the rest is dropped") == cut


def test_a_letter_in_two_parts_is_one_letter() -> None:
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return self.read(1)

    screen = io.StringIO()
    relay(Slow("é\n".encode()), screen.write)
    assert screen.getvalue() == "| é\n"


def test_a_line_is_shown_before_the_next_one_comes() -> None:
    ours, theirs = os.pipe()
    screen = io.StringIO()
    with os.fdopen(ours, "rb") as end:
        reader = threading.Thread(target=relay, args=(end, screen.write))
        reader.start()
        os.write(theirs, b"first\n")
        for _ in range(1000):
            if screen.getvalue():
                break
            threading.Event().wait(0.01)
        assert screen.getvalue() == "| first\n"
        os.close(theirs)
        reader.join()


def test_what_nobody_reads_is_still_taken_in() -> None:
    def closed(text: str) -> None:
        raise BrokenPipeError

    content = io.BytesIO(b"line\n" * 10_000)
    relay(content, closed)
    assert not content.read()
