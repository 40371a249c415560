"""Attempts to get out of an isolated mitigation's process, each as the lines of a function.

An attempt that works returns something; one that does not raises. The lines may use what `HELP`
defines, and the names of a `Surroundings`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HELP = """
import ctypes, json, mmap, os, signal, socket, subprocess, sys, tempfile, threading
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    found = getattr(libc, name)(*arguments)
    if found in (-1, 2**64 - 1):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found

def attempt(name, function):
    try:
        function()
        print(f"{name} => it worked", flush=True)
    except BaseException as error:
        print(f"{name} => {type(error).__name__}: {error}", flush=True)

"""


@dataclass(frozen=True)
class Surroundings:
    """What is around the process, for it to reach for.

    Attributes:
        store: a file of results.
        data: a file of digits.
        home: a file in a home.
        digits: the file of the embedded digits.
        package: a file of this package.
        process: a process outside.
        sockets: a folder with the socket `listening`.
        abstract: the name of a socket that has no file.
        shared: the name of a named block of shared memory.
    """

    store: Path
    data: Path
    home: Path
    digits: Path
    package: Path
    process: int
    sockets: Path
    abstract: str
    shared: str


GONE, REFUSED, READ_ONLY = "No such file", "Operation not permitted", "Read-only file system"
# Which of the two depends on whether the user owns what is opened.
CLOSED = f"{READ_ONLY}|Permission denied"
# Numbers of calls that the C library has no function for, on x86-64 and on ARM.
_CALLS = "{'io_uring_setup': 425, 'pidfd_open': 434, 'open_tree': 428, 'clone3': 435}"

# What is tried, a pattern of what it says in a sandbox, and whether it works without one and
# harms nothing.
ATTEMPTS: dict[str, tuple[str, str, bool]] = {
    # Reading.
    "the list of users": ("Path('/etc/passwd').read_text()", GONE, True),
    "the store": ("store.read_text()", GONE, True),
    "a folder of digits": ("data.read_text()", GONE, True),
    "the home": ("home.read_text()", GONE, True),
    "the embedded digits": ("digits.read_bytes()", GONE, True),
    "a link to the store": (
        "Path('/tmp/link').symlink_to(store); Path('/tmp/link').read_text()",
        GONE,
        False,
    ),
    "a hard link to its own file": ("os.link(__file__, '/tmp/hard')", "link", False),
    "another process's variables": (
        "Path(f'/proc/{process}/environ').read_bytes()",
        GONE,
        False,
    ),
    "another process's memory": ("open(f'/proc/{process}/mem', 'rb')", GONE, False),
    "another process's open files": ("os.listdir(f'/proc/{process}/fd')", GONE, False),
    "another process's root folder": ("os.listdir(f'/proc/{process}/root')", GONE, False),
    "variables of this program": ("os.environ['SUBLIMINAL_BENCH_STORE']", "KeyError", False),
    "the machine's name": ("assert socket.gethostname() != 'sandbox'", "AssertionError", True),
    # Writing.
    "its own file": ("open(__file__, 'a')", READ_ONLY, True),
    "its own file's deletion": ("os.unlink(__file__ + '.gone')", "file", False),
    "its own file renamed": ("os.rename(__file__, __file__ + 'x')", "busy", False),
    "its own file's mode": ("os.chmod(__file__, 0o644)", READ_ONLY, True),
    "this package": ("open(package, 'a')", CLOSED, False),
    "a compiled file of this package": (
        "open(package.parent / '__pycache__' / 'x.pyc', 'a')",
        CLOSED,
        False,
    ),
    "a file in the root folder": ("open('/file', 'w').write('x')", READ_ONLY, False),
    "a file among the devices": ("open('/dev/shm/file', 'w').write('x')", READ_ONLY, False),
    "a setting of the kernel": ("open('/proc/sys/kernel/hostname', 'a')", CLOSED, False),
    "the program that gets crashes": (
        "open('/proc/sys/kernel/core_pattern', 'a')",
        CLOSED,
        False,
    ),
    "the sandbox's first process": ("open('/proc/1/mem', 'r+b')", READ_ONLY, False),
    "a processor": ("open('/sys/devices/system/cpu/cpu1/online', 'a')", CLOSED, False),
    # Connections.
    "a socket with a file": (
        "handle = call('socket', 1, 1, 0); address = b'\\1\\0' + bytes(sockets / 'listening')\n"
        "call('connect', handle, address + b'\\0', len(address) + 1)",
        REFUSED,
        True,
    ),
    "a socket without a file": (
        "handle = call('socket', 1, 1, 0); address = b'\\1\\0\\0' + abstract.encode()\n"
        "call('connect', handle, address, len(address))",
        REFUSED,
        False,
    ),
    "an internet socket": ("call('socket', 2, 1, 0)", REFUSED, True),
    "a socket to the machine around this one": ("call('socket', 40, 1, 0)", REFUSED, False),
    "a socket of the kernel": ("call('socket', 16, 3, 0)", REFUSED, True),
    # Other processes.
    "a signal": ("os.kill(process, 0)", "No such process", True),
    "a signal to a group": ("os.killpg(process, 0)", "No such process", False),
    "a trace": ("call('ptrace', 16, os.getppid(), 0, 0)", REFUSED, False),
    "a look into memory": (
        "there = ctypes.create_string_buffer(16)\n"
        "call('process_vm_readv', os.getppid(), there, 0, there, 0, 0)",
        REFUSED,
        False,
    ),
    "a handle of a process": (f"call('syscall', {_CALLS}['pidfd_open'], 1, 0)", REFUSED, True),
    "a copy": ("0 == call('fork') and os._exit(0)", REFUSED, True),
    "a copy that shares memory": ("0 == call('vfork') and os._exit(0)", REFUSED, False),
    "a copy by the newest call": (
        "size = 64; words = (ctypes.c_uint64 * 8)()\n"
        f"call('syscall', {_CALLS}['clone3'], words, size) or os._exit(0)",
        "not implemented",
        True,
    ),
    "another's limits": ("__import__('resource').prlimit(process, 1)", "No such process", True),
    "another's priority": ("os.getpriority(os.PRIO_PROCESS, process)", "No such", True),
    # Memory that processes share.
    "a named block of shared memory": ("open(f'/dev/shm/{shared}')", GONE, True),
    "a new named block": (
        "handle = call('shm_open', b'/other', os.O_CREAT | os.O_RDWR, 0o600)\n"
        "call('shm_unlink', b'/other')",
        READ_ONLY,
        True,
    ),
    "a named semaphore": (
        "libc.sem_open.restype = ctypes.c_void_p\n"
        "if not libc.sem_open(b'/other', os.O_CREAT | os.O_RDWR, 0o600, 1):\n"
        "    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))",
        READ_ONLY,
        False,
    ),
    "shared memory of System V": ("call('shmget', 0, 4096, 0o1600)", REFUSED, False),
    "a queue of messages": ("call('msgget', 0, 0o1600)", REFUSED, False),
    "memory as a file": ("os.memfd_create('x')", REFUSED, True),
    # The kernel.
    "a mount": ("call('mount', b'none', b'/tmp', b'tmpfs', 0, None)", REFUSED, False),
    "an unmount": ("call('umount2', b'/tmp', 2)", REFUSED, False),
    "namespaces of its own": ("call('unshare', 0x10000000)", REFUSED, False),
    "a root folder of its own": ("os.chroot('/tmp')", REFUSED, False),
    "a tree of files": (
        f"call('syscall', {_CALLS}['open_tree'], -100, b'/', 1)",
        REFUSED,
        False,
    ),
    "a ring of calls": (
        "room = ctypes.create_string_buffer(256)\n"
        f"call('syscall', {_CALLS}['io_uring_setup'], 1, room)",
        REFUSED,
        False,
    ),
    "other rights": ("os.setuid(0)", "", False),
    "a terminal": ("open('/dev/tty')", "No such device", False),
    "a disk": ("open('/dev/vda', 'rb'); open('/dev/sda', 'rb')", GONE, False),
}


def reaching(around: Surroundings, names: Iterable[str]) -> str:
    """The source that tries these when it is loaded."""
    known = "".join(f"{name} = {_literal(value)}\n" for name, value in vars(around).items())
    parts = []
    for number, name in enumerate(names):
        body = "".join(f"    {line}\n" for line in ATTEMPTS[name][0].splitlines())
        parts.append(f"def try_{number}():\n{body}attempt({name!r}, try_{number})\n")
    return HELP + known + "".join(parts)


def _literal(value: object) -> str:
    return f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)
