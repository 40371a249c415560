"""A damaged file of any kind is one line that names it, or is made anew: never a traceback."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench import shipped
from tests.support.terminal import Terminal

RUN = ("run", "baseline", "--protocol", "tiny", "--device", "cpu", "--seeds", "1")
SCORECARD = (*RUN, "--rerun-references")
Damage = Callable[[Path], object]


def edited(change: Callable[[Any], object]) -> Damage:
    """A file changed by hand, still valid JSON."""

    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def replaced(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def as_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Damage] = {
    "emptied": replaced(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "half of it": lambda path: path.write_bytes(
        path.read_bytes()[: len(path.read_bytes()) // 2]
    ),
    "zeros": lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
    "not utf-8": replaced(b'{"seed": "\xff\xfe"}'),
    "nested deeply": replaced(b"[" * 100_000 + b"]" * 100_000),
    "a huge number": replaced(b'{"seed": 1' + b"0" * 5000 + b"}"),
    "a number": replaced(b"1e999"),
    "a list": replaced(b"[]"),
    "null": replaced(b"null"),
    "a lone surrogate": replaced(b'{"\\ud800": "\\ud800"}'),
    "a folder": as_a_folder,
}
# Enough where the same reader has met all of them elsewhere.
SOME = ("emptied", "truncated", "not utf-8", "a folder")


@pytest.fixture(scope="module")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filled")


@pytest.fixture
def store(filled_store: Path, type_in: Terminal, tmp_path: Path) -> Path:
    """A store with one seed of the references, to be damaged at will."""
    if not any(filled_store.iterdir()):
        assert type_in(*SCORECARD, "--store", filled_store).code == 0
    return shutil.copytree(filled_store, tmp_path / "store")


def only(store: Path, pattern: str) -> Path:
    (found,) = store.glob(pattern)
    return found


class TestStore:
    @pytest.mark.parametrize(
        ("name", "damage"),
        [
            *(("seed-0001.json", damage) for damage in DAMAGE),
            *(("entry.json", damage) for damage in SOME),
        ],
    )
    def test_a_damaged_file_is_named_with_what_to_do(
        self, name: str, damage: str, store: Path, type_in: Terminal
    ) -> None:
        path = only(store, f"tiny-v1/baseline-*/{name}")
        DAMAGE[damage](path)
        said = type_in(*SCORECARD, "--store", store).error
        assert str(path) in said
        assert "delete it" in said

    @pytest.mark.parametrize("name", ["entry.json", "seed-0001.json"])
    def test_a_deleted_file_is_made_anew(
        self, name: str, store: Path, type_in: Terminal
    ) -> None:
        whole = type_in(*SCORECARD, "--store", store).out
        path = only(store, f"tiny-v1/baseline-*/{name}")
        before = path.read_bytes()
        path.unlink()
        assert type_in(*SCORECARD, "--store", store).out == whole
        assert path.read_bytes() == before

    @pytest.mark.parametrize("damage", SOME)
    def test_a_damaged_teacher_is_trained_anew_or_named(
        self, damage: str, store: Path, type_in: Terminal
    ) -> None:
        path = only(store, "tiny-v1/teachers-*/seed-0001.safetensors")
        before = path.read_bytes()
        DAMAGE[damage](path)
        seed = only(store, "tiny-v1/baseline-*/seed-0001.json")
        result = seed.read_bytes()
        seed.unlink()
        done = type_in(*SCORECARD, "--store", store)
        if damage == "a folder":
            assert str(path) in done.error
        else:
            assert seed.read_bytes() == result
            assert path.read_bytes() == before

    def test_a_teacher_with_other_weights_is_not_believed(
        self, store: Path, type_in: Terminal
    ) -> None:
        path = only(store, "tiny-v1/teachers-*/seed-0001.safetensors")
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        only(store, "tiny-v1/baseline-*/seed-0001.json").unlink()
        assert type_in(*SCORECARD, "--store", store).code == 0
        assert path.read_bytes() == whole

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("seed-0001.json", lambda content: content["metrics"].update(trait_accuracy=0.0)),
            ("seed-0001.json", lambda content: content.update(digest="0" * 64)),
            ("entry.json", lambda content: content["mitigation"].update(title="Better")),
            ("entry.json", lambda content: content["environment"].update(torch="9.9")),
        ],
    )
    def test_a_value_changed_by_hand_is_noticed(
        self, name: str, change: Callable[[Any], object], store: Path, type_in: Terminal
    ) -> None:
        path = only(store, f"tiny-v1/baseline-*/{name}")
        edited(change)(path)
        said = type_in(*SCORECARD, "--store", store).error
        assert str(path) in said
        assert "changed after it was written" in said

    @pytest.mark.parametrize("damage", SOME)
    def test_damaged_curves_stop_no_scorecard(
        self, damage: str, store: Path, type_in: Terminal
    ) -> None:
        DAMAGE[damage](only(store, "tiny-v1/baseline-*/seed-0001.npz"))
        assert type_in(*SCORECARD, "--store", store).code == 0

    def test_files_that_only_look_like_seeds_are_left_alone(
        self, store: Path, type_in: Terminal
    ) -> None:
        folder = only(store, "tiny-v1/baseline-*")
        for name in ("seed-²³⁴⁵.json", "seed-00001.json", "seed--001.json", "seed-1.json"):
            (folder / name).write_text("not mine")
        assert type_in("export", "baseline", "--protocol", "tiny", "--store", store).code == 0


LEADERBOARD = {
    "leaderboard --check": ("entries/liminal.json", ("leaderboard", "--check")),
    "regress, references": (
        "references/probe/baseline.json",
        ("regress", "--protocol", "probe", "--seeds", "1"),
    ),
    "regress, tolerances": (
        "tolerances/probe.json",
        ("regress", "--protocol", "probe", "--seeds", "1"),
    ),
    "export": ("entries/liminal.json", ("export",)),
    "compare": ("entries/liminal.json", ("compare", "baseline")),
    "submit": ("entries/liminal.json", ("submit",)),
}


class TestLeaderboard:
    @pytest.mark.parametrize(
        ("read_by", "damage"),
        [
            *(("export", damage) for damage in DAMAGE),
            *((read_by, damage) for read_by in LEADERBOARD for damage in SOME[1:]),
        ],
    )
    def test_a_damaged_file_is_named_in_one_line(
        self, read_by: str, damage: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        root = shutil.copytree(shipped.folder("leaderboard"), tmp_path / "board")
        name, command = LEADERBOARD[read_by]
        path = root / name
        DAMAGE[damage](path)
        if command[0] in ("leaderboard", "regress"):
            said = type_in(*command, "--leaderboard", root).error
        else:
            said = type_in(*command, path).error
        assert str(path) in said

    def test_a_page_that_is_not_text_is_stale(self, type_in: Terminal, tmp_path: Path) -> None:
        root = shutil.copytree(shipped.folder("leaderboard"), tmp_path / "board")
        (root / "README.md").write_bytes(b"\xff\xfe")
        done = type_in("leaderboard", "--check", "--leaderboard", root)
        assert done.code == 1
        assert "stale" in done.out


class TestPlacesThatCannotBeWrittenTo:
    @pytest.mark.slow
    def test_a_full_disk_is_one_line_and_what_was_finished_stays(self, tmp_path: Path) -> None:
        """A file may not grow beyond a limit: the system's own refusal, in a real process."""

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

        done = subprocess.run(
            [
                *(sys.executable, "-m", "subliminal_bench", *RUN[:2]),
                *("--protocol", "probe", "--seeds", "1", "--store", str(tmp_path / "store")),
            ],
            cwd=Path(__file__).parents[2],
            preexec_fn=limited,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("error: cannot write ")
        assert "Traceback" not in done.stderr
        left = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {path.suffix for path in left} <= {".lock"}

    @pytest.mark.parametrize(
        ("function", "error", "said"),
        [
            ("fsync", OSError(28, "No space left on device"), "free some space"),
            ("fsync", OSError(122, "Disk quota exceeded"), "free some space"),
            ("mkdir", OSError(30, "Read-only file system"), "another folder"),
            ("replace", PermissionError(13, "Permission denied"), "another folder"),
            ("fsync", OSError(5, "Input/output error"), "Input/output error"),
        ],
    )
    def test_what_the_system_refuses_is_one_line_that_says_what_to_do(
        self,
        function: str,
        error: OSError,
        said: str,
        type_in: Terminal,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(*arguments: object, **keywords: object) -> None:
            raise error

        monkeypatch.setattr(os, function, refuse)
        found = type_in(*RUN, "--store", tmp_path / "store").error
        assert said in found
        assert str(tmp_path / "store") in found
        assert not list(tmp_path.rglob("*.json"))

    def test_a_finished_store_that_may_not_be_written_to_is_read(
        self, store: Path, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = type_in(*SCORECARD, "--store", store).out

        def denied(*arguments: object, **keywords: object) -> None:
            raise PermissionError(13, "Permission denied")

        for name in ("fsync", "mkdir", "utime", "replace"):
            monkeypatch.setattr(os, name, denied)
        assert type_in(*SCORECARD, "--store", store).out == whole
