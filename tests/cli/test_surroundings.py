"""What a system lacks, such as a home folder, locks or a reader, is no bug in this program."""

import errno
import fcntl
import io
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from subliminal_bench.cli.program import main
from tests.support.files import files_in
from tests.support.terminal import ON_TINY, Terminal

ROOT = Path(__file__).parents[2]
TINY_RUN = ("run", "baseline", *ON_TINY, "--seeds", "1")
# Every command that prints results; those that need runs use committed ones.
PRINTING = [
    ("list",),
    ("doctor",),
    ("explain", "aligned"),
    ("export", "baseline", "--protocol", "mnist-5k"),
    ("compare", "baseline", "liminal", "--protocol", "mnist-5k"),
    ("store", "list"),
    TINY_RUN,
    ("--help",),
    ("--version",),
]


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no entry and whose environment is empty."""

    def unknown(*_: object) -> None:
        raise KeyError("no such user")

    for variable in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("no_home")
class TestNoHome:
    def test_a_run_needs_none(self, type_in: Terminal) -> None:
        assert type_in(*TINY_RUN, "--store", "here").code == 0

    @pytest.mark.parametrize("store", ["~/results", "~nobody-of-that-name/results"])
    def test_a_store_in_it_is_one_line(self, store: str, type_in: Terminal) -> None:
        said = type_in(*TINY_RUN, "--store", store).error
        assert said == f"{store}: there is no such home folder: write the folder's full path"

    def test_digits_in_it_are_one_line(self, type_in: Terminal) -> None:
        command = ("run", "baseline", "--protocol", "mnist")
        assert "--data-dir" in type_in(*command).error
        assert "full path" in type_in(*command, "--data-dir", "~/mnist").error

    def test_doctor_says_what_to_do(self, type_in: Terminal) -> None:
        done = type_in("doctor")
        assert done.code == 1
        assert "set HOME" in done.out


class TestFileSystems:
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
    def test_a_store_that_takes_nothing_more_is_one_line(
        self, number: int, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse)
        said = type_in(*TINY_RUN, "--store", "full").error
        assert said.startswith("cannot write full/tiny-v1/")
        assert os.strerror(number) in said
        assert not [name for name in files_in(tmp_path) if ".lock" not in name]

    def test_a_file_system_without_locks_is_one_line(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        monkeypatch.setattr(fcntl, "flock", refuse)
        assert "a file system with locks" in type_in(*TINY_RUN, "--store", "here").error

    def test_no_folder_for_temporary_files_is_one_line(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            said = "No usable temporary directory found in ['/tmp']"
            raise FileNotFoundError(errno.ENOENT, said)

        monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
        said = type_in("regress", "--protocol", "probe", "--seeds", "1").error
        assert "set TMPDIR" in said

    def test_a_deleted_working_folder_is_one_line(
        self, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert "working folder was deleted" in type_in("list").error


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """Standard output that leads to a program which has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output:
        yield output


def ended(
    monkeypatch: pytest.MonkeyPatch, output: TextIO | None, *arguments: str
) -> tuple[int, str]:
    """How a command ends that prints to this output, and what it says of errors."""
    errors = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["subliminal-bench", *arguments])
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", errors)
    with pytest.raises(SystemExit) as caught:
        main()
    code = caught.value.code
    return code if isinstance(code, int) else 0, errors.getvalue()


@pytest.mark.usefixtures("type_in")
class TestOutput:
    @pytest.mark.parametrize("command", PRINTING, ids=" ".join)
    def test_a_reader_that_has_ended_is_no_error(
        self, command: tuple[str, ...], unread: TextIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code, said = ended(monkeypatch, unread, *command)
        assert code == 141
        assert "error" not in said

    @pytest.mark.parametrize("command", PRINTING, ids=" ".join)
    def test_closed_output_discards_what_is_printed(
        self, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code, said = ended(monkeypatch, None, *command)
        assert code == 0, said
        assert "error" not in said

    @pytest.mark.parametrize(
        ("shell", "code"),
        [
            ("{} explain aligned >&-", 0),
            ("{} explain aligned >&- 2>&- <&-", 0),
            ("{} explain aligned | sleep 0; exit ${{PIPESTATUS[0]}}", 141),
            ("{} explain nothing-like-that >&-", 2),
        ],
    )
    def test_a_shell_can_close_and_cut_off_everything(self, shell: str, code: int) -> None:
        done = subprocess.run(
            ["bash", "-c", shell.format(f"{sys.executable} -m subliminal_bench")],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert done.stderr.count("\n") == (1 if code == 2 else 0)

    def test_a_file_never_gets_the_number_of_closed_output(self, tmp_path: Path) -> None:
        """What others print to descriptor 1 would end up in that file."""
        probe = (
            "import os, sys\n"
            "from subliminal_bench.cli import program\n"
            "program._open_closed_streams()\n"
            "file = open('opened', 'w')\n"
            "assert file.fileno() > 2\n"
            "os.write(1, b'printed')\n"
        )
        subprocess.run(
            [sys.executable, "-c", probe],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: os.close(1),
            check=True,
        )
        assert (tmp_path / "opened").read_text() == ""
