"""The filter refuses exactly the calls it names, on every machine that it is for."""

import errno
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.mitigation.isolation import system_calls
from subliminal_bench.mitigation.isolation.system_calls import program

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# The kernel's own lists, where its headers are installed.
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
ALLOWED, ENDED = 0x7FFF0000, 0x80000000
REFUSED, UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
THREAD = 0x00010000
# What glibc's `pthread_create` and `fork` ask for.
THREAD_FLAGS, FORK_FLAGS = 0x003D0F00, 0x01200011


def decided(content: bytes, machine: int, number: int, first: int = 0) -> int:
    """What a filter returns for a call: a small interpreter of its instructions."""
    seen = struct.pack("=IIQ6Q", number, machine, 0, first, 0, 0, 0, 0, 0)
    instructions = list(struct.iter_unpack("=HBBI", content))
    place, word = 0, 0
    while True:
        code, when, otherwise, value = instructions[place]
        place += 1
        match code:
            case 0x20:
                (word,) = struct.unpack_from("=I", seen, value)
            case 0x06:
                return int(value)
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}
                place += when if holds[code] else otherwise
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def numbers(machine: str) -> dict[str, int]:
    """The number of each refused call."""
    column = list(MACHINES).index(machine)
    rows = {name: row[column] for name, row in system_calls._REFUSED.items()}
    rows["memfd_create"] = system_calls._MEMFD_CREATE[machine]
    return {name: number for name, number in rows.items() if number is not None}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernel(machine: str) -> None:
    header = HEADERS[machine]
    if not header.is_file():
        pytest.skip(f"no {header} here")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in lines}
    ours = numbers(machine) | {"clone": system_calls._CLONE[machine], "clone3": 435}
    newer = {name for name in ours if name not in known}
    assert not newer & {"ptrace", "socket", "clone", "memfd_create", "mount"}
    assert {name: known[name] for name in ours if name in known} == {
        name: number for name, number in ours.items() if name in known
    }


@pytest.mark.parametrize("machine", MACHINES)
class TestDecisions:
    def test_each_named_call_is_refused(self, machine: str) -> None:
        for name, number in numbers(machine).items():
            assert decided(program(machine), MACHINES[machine], number) == REFUSED, name

    @given(number=st.integers(0, 2**30 - 1))
    def test_every_other_call_is_allowed(self, machine: str, number: int) -> None:
        named = {*numbers(machine).values(), 435, system_calls._CLONE[machine]}
        if number not in named:
            assert decided(program(machine), MACHINES[machine], number) == ALLOWED

    @given(number=st.integers(0, 2**32 - 1), other=st.integers(0, 2**32 - 1))
    def test_numbers_of_another_machine_end_the_process(
        self, machine: str, number: int, other: int
    ) -> None:
        if other != MACHINES[machine]:
            assert decided(program(machine), other, number) == ENDED

    @given(flags=st.integers(0, 2**64 - 1))
    def test_threads_are_allowed_and_processes_are_not(self, machine: str, flags: int) -> None:
        clone = system_calls._CLONE[machine]

        def asked(flags: int) -> int:
            return decided(program(machine), MACHINES[machine], clone, flags)

        assert asked(flags | THREAD) == ALLOWED
        assert asked(flags & ~THREAD) == REFUSED
        assert asked(THREAD_FLAGS) == ALLOWED
        assert asked(FORK_FLAGS) == REFUSED

    def test_libraries_fall_back_from_the_newest_call(self, machine: str) -> None:
        assert decided(program(machine), MACHINES[machine], 435) == UNKNOWN

    def test_files_in_memory_can_be_allowed(self, machine: str) -> None:
        number = system_calls._MEMFD_CREATE[machine]
        there = program(machine, memory_files=True)
        assert decided(there, MACHINES[machine], number) == ALLOWED

    def test_it_is_short_enough_for_the_kernel(self, machine: str) -> None:
        assert len(program(machine)) // 8 <= 4096


@given(number=st.integers(0x40000000, 2**32 - 1))
def test_the_second_set_of_numbers_is_refused(number: int) -> None:
    assert decided(program("x86_64"), MACHINES["x86_64"], number) == REFUSED
