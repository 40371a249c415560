"""torch's threads sleep soon when they wait, and are no more than the cores."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from subliminal_bench import threads
from subliminal_bench.threads import no_more_threads_than_cores, usable_cores

CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*CHOICES, "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def said_by(*lines: str) -> list[str]:
    """What a fresh Python prints."""
    command = [sys.executable, "-c", "\n".join(["import os", *lines])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


SHOW = f"print(*(os.environ.get(name, '-') for name in {CHOICES}))"


class TestWaiting:
    def test_the_api_decides_before_it_loads_torch(self) -> None:
        found = said_by("import subliminal_bench as sb", "sb.run", SHOW)
        assert found == ["-", "3000", "1"]

    def test_importing_the_package_alone_decides_nothing(self) -> None:
        found = said_by("import subliminal_bench, subliminal_bench.pytest_plugin", SHOW)
        assert found == ["-", "-", "-"]

    def test_after_torch_it_is_too_late_and_nothing_is_pretended(self) -> None:
        found = said_by("import torch", "import subliminal_bench as sb", "sb.run", SHOW)
        assert found == ["-", "-", "-"]

    @pytest.mark.parametrize("name", CHOICES)
    def test_what_a_user_has_set_stays_alone(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, "7")
        found = said_by("from subliminal_bench.threads import sleep_soon", "sleep_soon()", SHOW)
        assert found == ["7" if one == name else "-" for one in CHOICES]
        assert threads.wait_of_a_child() == {name: "7"}
        assert threads.wait_in_words() == f"{name}=7"

    def test_a_child_sleeps_soon_whenever_its_parent_loaded_torch(self) -> None:
        assert threads.wait_of_a_child()["GOMP_SPINCOUNT"] == "3000"
        assert threads.spins_long()
        assert "default" in threads.wait_in_words()


class TestCores:
    def test_torch_gets_no_more_threads_than_cores_and_then_its_own_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = torch.get_num_threads()
        monkeypatch.setattr(threads, "usable_cores", lambda: 1)
        with no_more_threads_than_cores() as count:
            assert count == torch.get_num_threads() == 1
        assert torch.get_num_threads() == before

    def test_a_users_number_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "usable_cores", lambda: 0)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        with no_more_threads_than_cores() as count:
            assert count == torch.get_num_threads()

    def test_here_are_some(self) -> None:
        assert usable_cores() >= 1


def cgroup(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("own", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "50000 100000"}, 0.5),
        # A container that sees its own cgroup as the top one.
        ("0::/docker/abc\n", {"cpu.max": "400000 100000"}, 4.0),
        (
            "4:cpu,cpuacct:/a\n3:memory:/\n",
            {
                "cpu,cpuacct/a/cpu.cfs_quota_us": "250000",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            },
            2.5,
        ),
        (
            "1:cpu:/\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
        ),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
        ("0::/\n", {}, None),
        ("", {}, None),
    ],
    ids=str,
)
def test_the_quota_of_a_container_is_found(
    own: str, files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    root = cgroup(tmp_path / "cgroup", files)
    (tmp_path / "own").write_text(own)
    assert threads._quota(root, tmp_path / "own") == quota


def test_a_quota_makes_fewer_cores_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    for quota, cores in ((None, 64), (2.0, 2), (1.5, 2), (0.2, 1), (500.0, 64)):
        monkeypatch.setattr(threads, "_quota", lambda *_, found=quota: found)
        assert usable_cores() == cores
