"""The system calls that a sandboxed process is refused, as a filter for Linux's seccomp.

Refused are calls that no hook needs and that lead out of a sandbox, past its limits, or into
parts of the kernel with a long history of faults. All others are allowed: a list of what torch
needs would differ from version to version.
"""

import errno
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager

# For each machine: the kernel's name of it, and the number of each refused call. Linux has one
# table for x86-64 and one for all newer machines.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_MEMFD_CREATE = {"x86_64": 319, "aarch64": 279}
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Other processes: starting them, and reading, writing, tracing or taking files from them.
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # Connections, of whatever family: not all families belong to a network namespace.
    "socket": (41, 198),
    # Memory that the limit of the address space does not count.
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # Calls that do others' work, where no filter sees them.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Parts of the kernel that programs rarely use.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "syslog": (103, 116),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
}
# Where the number of a call, the machine and the first argument are in what a filter sees.
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
# x86-64 has a second set of numbers for every call, from here on.
_SECOND_SET = 0x40000000
_CLONE_THREAD = 0x00010000

# Instructions of the filter's machine: load a word, jump, return.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_INSTRUCTION = struct.Struct("=HBBI")
_ALLOW, _END_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000


def can_filter() -> bool:
    """Whether there is a filter for this machine."""
    return platform.system() == "Linux" and platform.machine() in _ARCHITECTURES


def program(machine: str, memory_files: bool = False) -> bytes:
    """The filter: instructions of eight bytes each.

    Args:
        machine: `x86_64` or `aarch64`.
        memory_files: whether files in memory are allowed; the address space does not count
            what is written to them.

    >>> len(program("aarch64")) % 8
    0
    """
    refuse = _returned(_FAIL | errno.EPERM)
    parts = [
        _instruction(_LOAD, _MACHINE),
        _instruction(_IF_EQUAL, _ARCHITECTURES[machine], when=1),
        # Numbers of another machine, which this kernel may serve as well, mean other calls.
        _returned(_END_PROCESS),
        _instruction(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        parts += [_instruction(_IF_AT_LEAST, _SECOND_SET, otherwise=1), refuse]
    column = list(_ARCHITECTURES).index(machine)
    refused = [row[column] for row in _REFUSED.values()]
    if not memory_files:
        refused.append(_MEMFD_CREATE[machine])
    for number in refused:
        if number is not None:
            parts += [_instruction(_IF_EQUAL, number, otherwise=1), refuse]
    parts += [
        # Its flags are in memory, where a filter cannot look; libraries then use `clone`.
        _instruction(_IF_EQUAL, _CLONE3, otherwise=1),
        _returned(_FAIL | errno.ENOSYS),
        _instruction(_IF_EQUAL, _CLONE[machine], otherwise=3),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        # A thread of this process, not another process.
        _instruction(_IF_BITS, _CLONE_THREAD, when=1),
        refuse,
        _returned(_ALLOW),
    ]
    return b"".join(parts)


@contextmanager
def filter_file(memory_files: bool = False) -> Iterator[int]:
    """An open file with the filter for this machine, closed at the end of `with`."""
    file = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        os.write(file, program(platform.machine(), memory_files))
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def _instruction(code: int, value: int, when: int = 0, otherwise: int = 0) -> bytes:
    """An instruction; a jump skips that many instructions when it holds, and otherwise."""
    return _INSTRUCTION.pack(code, when, otherwise, value)


def _returned(action: int) -> bytes:
    return _instruction(_RETURN, action)
