"""The wheel in an empty folder: everything ships, nothing is looked for beside a checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel, as an installer would lay it."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--quiet",
            "-w",
            str(folder),
            str(ROOT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "subliminal_bench", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_what_the_program_reads(installed: Path) -> None:
    shipped = installed / "subliminal_bench" / "_shipped"
    for name in ("baseline", "projection", "liminal"):
        assert (shipped / "plugins" / f"{name}.py").is_file()
    assert (installed / "subliminal_bench" / "py.typed").is_file()
    assert list((shipped / "leaderboard").rglob("*.json"))
    assert (shipped / "docs" / "findings.md").is_file()
    for name in ("page.html.jinja", "page.css", "site/front.html.jinja", "site/table.js"):
        assert (installed / "subliminal_bench" / "reports" / name).is_file()


def test_built_in_mitigations_and_protocols_are_listed(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "list")
    assert done.returncode == 0, done.stderr
    for name in ("baseline", "projection", "liminal", "mnist-5k"):
        assert name in done.stdout
    # It is the installed copy that answered, not this checkout.
    located = subprocess.run(
        [sys.executable, "-c", "import subliminal_bench; print(subliminal_bench.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(installed) in located.stdout


def test_a_seed_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    done = run(
        installed,
        tmp_path,
        "run",
        "baseline",
        "--protocol",
        "probe",
        "--seeds",
        "1",
        "--device",
        "cpu",
    )
    assert done.returncode == 0, done.stderr
    assert "expressed trait" in done.stdout
    exported = run(installed, tmp_path, "export", "baseline")
    assert exported.stdout.startswith("seed,teacher_accuracy,trait_accuracy")
