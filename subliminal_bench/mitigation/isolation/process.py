"""Starting a mitigation's process, sending it requests, and ending it in every case."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from subliminal_bench import errors
from subliminal_bench.errors import Advice, BenchmarkError, Setting, SurroundingsError
from subliminal_bench.mitigation.isolation.bubblewrap import Bubblewrap, find_bubblewrap
from subliminal_bench.mitigation.isolation.channel import Blocks, BrokenChannelError, Channel
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.messages import (
    Answer,
    AsksImages,
    AsksTrait,
    Done,
    Failed,
    Loaded,
    LoadedReader,
    Ready,
    parsed,
)
from subliminal_bench.mitigation.isolation.output import relay
from subliminal_bench.mitigation.isolation.root import root_of
from subliminal_bench.mitigation.isolation.system_calls import filter_file
from subliminal_bench.mitigation.separation import Separation
from subliminal_bench.threads import wait_of_a_child

_PROGRAM = "subliminal_bench.mitigation.isolation.child"
# The module with the `Service` that answers requests.
SERVICE = "subliminal_bench.mitigation.isolation.service"
# Variables with which libraries are found and compute the same; no paths of data or results.
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_KEPT_PREFIXES = ("OMP_", "MKL_", "KMP_", "DNNL_", "ONEDNN_", "TORCH_")
# GNU's allocator keeps the memory of tensors instead of returning it to the system, which would
# have to clear it anew at every step. 32 MiB is the most it allows.
_KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
}
# Seconds for Python and torch to start, even if hook calls may take less.
_START_SECONDS = 120.0
_END_SECONDS = 2.0
# bubblewrap reports the end by a signal as an exit code, as a shell does.
_SIGNALLED = 128


class LostError(BenchmarkError):
    """The process ended, hung or sent an invalid reply; without hook, seeds and step."""


class ToldError(BenchmarkError):
    """The process reports an error that is not one of this package's errors."""


class Process:
    """A mitigation's process: a fresh interpreter in its own session.

    It is in a sandbox if this machine has one. It ends when this object is closed or deleted,
    and when this process ends in any way.

    Args:
        limits: of the process.
        files: that it sees in a sandbox, beside Python, installed packages and this one.
        service: the module whose `Service` answers there, once the process is confined.

    Raises:
        LostError: it did not start.
        SurroundingsError: it needs a sandbox, and there is none here.

    Attributes:
        separation: what keeps it apart.
    """

    def __init__(
        self, limits: Limits, files: Iterable[Path] = (), service: str = SERVICE
    ) -> None:
        self._limits = limits
        self.blocks = Blocks()
        sandbox = _sandbox(limits)
        self._sandbox = sandbox
        ours, theirs = socket.socketpair()
        with theirs, _sandboxed(sandbox, limits, files) as (outer, inherited):
            self._process = subprocess.Popen(
                [
                    *outer,
                    *(sys.executable, "-P", "-m", _PROGRAM),
                    # In a sandbox, the parent is the first process there.
                    *(str(theirs.fileno()), str(1 if sandbox else os.getpid())),
                    *(str(limits.seconds), str(limits.gibibytes or 0)),
                    *(str(limits.processor_seconds), "bubblewrap" if sandbox else "none"),
                    service,
                ],
                pass_fds=[theirs.fileno(), *inherited],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(),
                start_new_session=True,
            )
        self._channel = Channel(ours, limits.seconds)
        self._number = 0
        assert self._process.stdout, "stdout is a pipe"
        printing = threading.Thread(
            target=relay, args=(self._process.stdout, _to_the_screen), daemon=True
        )
        printing.start()
        self.close = weakref.finalize(self, _end, self._process, self._channel, printing)
        answer = self._answered(time.monotonic() + max(_START_SECONDS, limits.seconds))
        if not isinstance(answer, Ready):
            raise self._garbage()
        self.separation = Separation(answer.network, "bubblewrap" if sandbox else "none")

    def ask(
        self,
        ask: str,
        *,
        trait_gradient: Callable[[bool], Tensor] | None = None,
        images: Callable[[], Tensor] | None = None,
        **question: Any,
    ) -> Done | Loaded | LoadedReader:
        """Send a request and wait for its answer.

        Args:
            ask: the task of the service.
            trait_gradient: computes the trait gradient if an oracle requests it meanwhile.
            images: the step's images, if a hook looks at them meanwhile.
            question: the data of the request; tensors as `blocks.put` describes them.

        Raises:
            BenchmarkError: the error that the process reports.
            ToldError: the process reports an error that is not one of this package's errors.
            LostError: it ended, hung or sent an invalid reply.
        """
        if not self._channel.silent:
            raise self._garbage()
        self._number += 1
        end = time.monotonic() + self._limits.seconds
        self._send({"ask": ask, "number": self._number, **question})
        while True:
            answer = self._answered(end)
            if isinstance(answer, Ready) or answer.number != self._number:
                raise self._garbage()
            if isinstance(answer, Done | Loaded | LoadedReader):
                return answer
            if isinstance(answer, Failed):
                raise self._told(answer)
            end += self._serve(answer, trait_gradient, images)

    def _serve(
        self,
        asked: AsksTrait | AsksImages,
        trait_gradient: Callable[[bool], Tensor] | None,
        images: Callable[[], Tensor] | None,
    ) -> float:
        """Send a tensor; return the seconds taken, which do not count as the mitigation's."""
        began = time.monotonic()
        if isinstance(asked, AsksImages):
            if images is None:
                raise self._garbage()
            self._send({"images": self.blocks.put("images", images())})
            return time.monotonic() - began
        if trait_gradient is None:
            raise self._lost("requested the trait gradient, which its card does not declare")
        found = trait_gradient(asked.whole_audit)
        self._send({"trait_gradient": self.blocks.put("trait_gradient", found)})
        return time.monotonic() - began

    def _send(self, message: Mapping[str, Any]) -> None:
        named, files = self.blocks.unsent()
        try:
            self._channel.send({**message, "blocks": named}, files)
        except BrokenChannelError:
            raise self._ended() from None
        except TimeoutError:
            raise self._hung() from None
        self.blocks.sent()

    def _answered(self, end: float) -> Answer:
        try:
            return parsed(self._channel.receive(end))
        except TimeoutError:
            raise self._hung() from None
        except BrokenChannelError:
            raise self._ended() from None
        except ValueError:
            raise self._garbage() from None

    def _told(self, answer: Failed) -> BenchmarkError:
        """The error that the process names, if it is one of this package's errors."""
        line = "".join(letter if letter.isprintable() else " " for letter in answer.line)
        advice: Advice = ()
        if self._limits.gibibytes and ("MemoryError" in line or "allocate memory" in line):
            line += f" (its process has {self._limits.gibibytes:g} GiB of address space)"
            advice = (Setting("isolate_memory"), " allows more")
        kind = getattr(errors, answer.error, None)
        if isinstance(kind, type) and issubclass(kind, BenchmarkError):
            return kind(line, *advice)
        return ToldError(line, *advice)

    def _hung(self) -> LostError:
        return self._lost(
            f"did not answer within {self._limits.seconds:g} s, the limit for one call",
            Setting("isolate_timeout"),
            " allows more",
        )

    def _garbage(self) -> LostError:
        return self._lost("sent an invalid reply")

    def _ended(self) -> LostError:
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return self._lost("closed its connection")
        if self._sandbox and code - _SIGNALLED in signal.valid_signals():
            code = _SIGNALLED - code
        if code >= 0:
            return self._lost(f"ended with exit code {code}")
        name = signal.Signals(-code).name
        used_up = f" after {self._limits.processor_seconds} s of processor time"
        return self._lost(f"was ended by {name}{used_up if name == 'SIGXCPU' else ''}")

    def _lost(self, what: str, *advice: str | Setting) -> LostError:
        self.close()
        return LostError(f"its process {what}", *advice)


def _sandbox(limits: Limits) -> Bubblewrap | None:
    """The sandbox to use, if there is one."""
    found = find_bubblewrap()
    if isinstance(found, Bubblewrap):
        return found
    if limits.needs_sandbox:
        how = f": {found.advice}" if found.advice else ""
        raise SurroundingsError(f"no sandbox for the mitigation: {found.reason}{how}")
    return None


@contextmanager
def _sandboxed(
    sandbox: Bubblewrap | None, limits: Limits, files: Iterable[Path]
) -> Iterator[tuple[list[str], list[int]]]:
    """The beginning of a command line, and the open files that the command inherits."""
    if sandbox is None:
        yield [], []
        return
    gpu = limits.device != "cpu"
    with filter_file(memory_files=gpu) as refused:
        yield sandbox.command(root_of(files, gpu=gpu), refused, gpu=gpu), [refused]


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)
    }
    kept |= wait_of_a_child() | _KEPT_MEMORY
    # Strings get the same hashes in every process, so that a rerun is bit-identical.
    return kept | {"PYTHONPATH": import_path(), "PYTHONHASHSEED": "0"}


def import_path() -> str:
    """A `PYTHONPATH` with which another process finds the modules that this one finds."""
    return os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)


def _to_the_screen(text: str) -> None:
    """Print here what its process, which cannot write to a terminal, has printed."""
    sys.stderr.write(text)


def _end(
    process: subprocess.Popen[bytes], channel: Channel, printing: threading.Thread
) -> None:
    """End the process and its whole group."""
    channel.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # Its output is printed before the message about its end.
    printing.join(_END_SECONDS)
