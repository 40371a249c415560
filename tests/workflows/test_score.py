"""The workflow that scores a pull request's plugins, step by step."""

import shutil
import sys

import pytest

from tests.support.plugins_for_tests import HEAD
from tests.support.pull_requests import PullRequest
from tests.support.workflows import HOSTILE, LIVE, ROOT, blocks, commands, needs_tools

pytestmark = needs_tools


def test_a_new_plugin_is_scored(pull_request: PullRequest) -> None:
    pull_request.write("plugins/idea.py", "echo '## idea\n\n| a |\n|---|\n| 1 |'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.report == "# plugins/idea.py\n\n## idea\n\n| a |\n|---|\n| 1 |\n\n"
    assert (pull_request.artifact / "number").read_text() == "42\n"
    assert pull_request.output.read_text() == "count=1\n"
    assert pull_request.called.read_text().split("\0")[:-1] == [
        *("run", "--protocol", "mnist-5k", "--seeds", "1-7", "--format", "markdown"),
        *("--", "./plugins/idea.py"),
    ]


def test_new_and_changed_plugins_are_scored_and_no_others(pull_request: PullRequest) -> None:
    pull_request.write("plugins/idea.py", "echo '## idea'")
    pull_request.write("plugins/old.py", "echo '## new'")
    pull_request.write("elsewhere/other.py", "echo '## other'")
    pull_request.write("plugins/_shared.py", "echo '## shared'")
    pull_request.write("plugins/deeper/other.py", "echo '## deeper'")
    pull_request.write("plugins/folder.py/inner.py", "echo '## inner'")
    (pull_request.repository / "plugins" / "dangling.py").symlink_to("nowhere")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.headings == ["plugins/idea.py", "plugins/old.py"]
    assert "## new" in pull_request.report


def test_a_submission_is_rehearsed_once_whichever_of_its_files_changed(
    pull_request: PullRequest,
) -> None:
    for name in ("idea.py", "helper.py", "submission.toml"):
        pull_request.write(f"leaderboard/submissions/idea/{name}", "echo '## idea'")
    pull_request.write("leaderboard/submissions/README.md", "no submission")
    pull_request.stub(
        "subliminal-bench", 'printf "%s\\0" "$@" >> "$CALLED"\necho "## idea"; exit 1'
    )
    done = pull_request.score()
    # A refuted claim fails the job, and its report is shown.
    assert done.returncode == 1
    assert commands(done.stdout) == ["::error::1 of 1 plugins failed"]
    assert pull_request.report == "# leaderboard/submissions/idea\n\n## idea\n\n"
    assert pull_request.called.read_text().split("\0")[:-1] == [
        *("score-submission", "--rehearse", "--format", "markdown"),
        *("--", "./leaderboard/submissions/idea"),
    ]


def test_what_came_into_the_branch_from_main_is_not_scored(pull_request: PullRequest) -> None:
    pull_request.write("plugins/idea.py", "echo '## idea'")
    pull_request.commit()
    pull_request.git("checkout", "--quiet", "main")
    pull_request.write("plugins/kept.py", "echo '## changed on main'")
    pull_request.commit()
    pull_request.git("checkout", "--quiet", "change")
    pull_request.score()
    assert pull_request.headings == ["plugins/idea.py"]


@pytest.mark.parametrize("folder", [False, True])
def test_without_plugins_left_the_report_says_so(
    pull_request: PullRequest, folder: bool
) -> None:
    (pull_request.repository / "plugins" / "old.py").unlink()
    if folder:
        shutil.rmtree(pull_request.repository / "plugins")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.report == "No plugin is added or changed.\n"
    assert pull_request.output.read_text() == "count=0\n"
    assert not pull_request.scored


def test_a_deleted_plugin_is_left_out_and_a_renamed_one_is_scored(
    pull_request: PullRequest,
) -> None:
    (pull_request.repository / "plugins" / "kept.py").unlink()
    pull_request.git("mv", "plugins/old.py", "plugins/renamed.py")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.headings == ["plugins/renamed.py"]


def test_no_name_of_a_file_is_anything_but_a_name(pull_request: PullRequest) -> None:
    names = [
        "-x y.py",
        "--debug.py",
        "a;touch pwned.py",
        "$(touch pwned).py",
        "line\nbreak\n::error::.py",
        "@everyone [a](b) `c` <d> **e** #1.py",
        "ä.py",
    ]
    for name in names:
        pull_request.write(f"plugins/{name}", "echo '## card'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert sorted(pull_request.scored) == sorted(f"./plugins/{name}" for name in names)
    assert len(pull_request.headings) == len(names)
    assert not LIVE & set(blocks(pull_request.report))
    assert not list(pull_request.repository.rglob("pwned*"))
    assert commands(done.stdout) == []


@pytest.mark.parametrize("folder", [".", "-deep er/plug*"])
def test_plugins_may_lie_in_any_folder(pull_request: PullRequest, folder: str) -> None:
    pull_request.values["inputs.folder || 'plugins'"] = folder
    pull_request.write(f"{folder}/-idea.py", "echo '## card'")
    pull_request.write(f"{folder}s/other.py", "echo '## card'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert pull_request.scored == [f"./{folder}/-idea.py"]


def test_a_failing_plugin_fails_the_job_after_the_others_were_scored(
    pull_request: PullRequest,
) -> None:
    pull_request.write(
        "plugins/a.py", "echo 'half: 50 %' >&2; echo 'error: a *b* __c__' >&2; exit 2"
    )
    pull_request.write("plugins/b.py", "echo '## b'")
    done = pull_request.score()
    assert done.returncode == 1
    assert commands(done.stdout) == ["::error::1 of 2 plugins failed"]
    assert pull_request.report == (
        "# plugins/a.py\n\n**Failed:** a &#42;b&#42; &#95;&#95;c&#95;&#95;\n\n"
        "# plugins/b.py\n\n## b\n\n"
    )


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("exit 3", "ended with exit code 3: "),
        ("echo 'ValueError: x' >&2; exit 1", "ended with exit code 1: ValueError: x"),
        ("exit 0", "printed no scorecard"),
        ("kill -9 $$", "killed: no memory left, or no end after"),
        ("printf 'error: a\\000\\033\\377b' >&2; exit 2", "a\ufffdb"),
    ],
)
def test_every_failure_gets_one_line(pull_request: PullRequest, plugin: str, said: str) -> None:
    pull_request.write("plugins/idea.py", plugin)
    assert pull_request.score().returncode == 1
    assert pull_request.report.splitlines()[2].startswith(f"**Failed:** {said}")


def test_a_plugin_that_hangs_costs_the_others_nothing(pull_request: PullRequest) -> None:
    pull_request.values["inputs.minutes || 60"] = "0"
    pull_request.write("plugins/a.py", "sleep 60 & wait")
    pull_request.write("plugins/b.py", "echo '## b'")
    assert pull_request.score().returncode == 1
    assert "stopped after 1 s, its share of the time" in pull_request.report
    assert "## b" in pull_request.report


def test_a_plugin_can_tell_the_runner_and_the_reader_nothing(pull_request: PullRequest) -> None:
    quoted = HOSTILE.replace("'", "'\\''")
    pull_request.write("plugins/good.py", f"printf '%s' '{quoted}' | tee /dev/stderr")
    pull_request.write("plugins/poor.py", f"printf '%s' '{quoted}' >&2; exit 1")
    done = pull_request.score()
    assert done.returncode == 1
    assert commands(done.stdout) == ["::error::1 of 2 plugins failed"]
    kinds = blocks(pull_request.report)
    assert not LIVE & set(kinds)
    # What belongs to a scorecard is still there.
    assert kinds.count("table_open") == 1
    assert kinds.count("heading_open") == 3
    assert "a\\|b" in pull_request.report
    assert "@everyone" not in pull_request.report


def test_a_plugin_gets_neither_the_runners_files_nor_results_of_the_pull_request(
    pull_request: PullRequest,
) -> None:
    pull_request.write(
        "plugins/idea.py",
        'echo "$(env | grep ^GITHUB_)$SUBLIMINAL_BENCH_STORE"',
    )
    pull_request.score()
    assert pull_request.report.splitlines()[2] == str(pull_request.temp / "subliminal/store")


@pytest.mark.parametrize("line", ["x" * 70 + "\n", "x", "[" * 70 + "\n"])
def test_too_long_a_text_is_cut_and_takes_no_room_from_others(
    pull_request: PullRequest, line: str
) -> None:
    (pull_request.repository / "long").write_text(line * (150_000 // len(line)))
    pull_request.write("plugins/a.py", "echo '## a'; cat long")
    pull_request.write("plugins/b.py", "echo '## b'")
    done = pull_request.score()
    assert done.returncode == 0, done
    assert len(pull_request.report) <= 60_000
    assert "## a\n" in pull_request.report
    assert "## b\n" in pull_request.report
    assert "Cut here" in pull_request.report


def test_the_whole_report_is_cut_too(pull_request: PullRequest) -> None:
    for number in range(40):
        pull_request.write(f"plugins/{'&' * 200}{number}.py", "yes | head -n 1000")
    pull_request.score()
    assert 50_000 < len(pull_request.report) <= 60_000


def test_only_pull_requests_are_scored(pull_request: PullRequest) -> None:
    pull_request.values["github.event_name"] = "pull_request_target"
    done = pull_request.find()
    assert done.returncode == 1
    assert commands(done.stdout) == [
        "::error::this workflow scores pull requests: call it on pull_request, "
        "not on pull_request_target"
    ]


@pytest.mark.parametrize(
    ("package", "constrained", "arguments"),
    [
        ("", True, "-m pip install -c constraints.txt ."),
        ("", False, "-m pip install ."),
        ("subliminal-bench >= 0.1", True, "-m pip install -- subliminal-bench >= 0.1"),
        ("$(touch pwned)", False, "-m pip install -- $(touch pwned)"),
    ],
)
def test_the_package_named_is_installed_or_else_the_repository(
    pull_request: PullRequest, package: str, constrained: bool, arguments: str
) -> None:
    pull_request.stub("python", 'echo "$*" > "$CALLED"; echo "::error::x"')
    pull_request.values["inputs.package"] = package
    if constrained:
        pull_request.write("constraints.txt", "")
    done = pull_request.run("Install subliminal-bench")
    assert done.returncode == 0, done
    assert pull_request.called.read_text() == f"{arguments}\n"
    assert not (pull_request.repository / "pwned").exists()
    assert commands(done.stdout) == []


def test_an_installation_without_the_program_is_named(pull_request: PullRequest) -> None:
    (pull_request.stubs / "subliminal-bench").unlink()
    pull_request.stub("python", "true")
    pull_request.environment["PATH"] = f"{pull_request.stubs}:/usr/bin:/bin"
    done = pull_request.run("Install subliminal-bench")
    assert done.returncode == 1
    assert "name it in the input 'package'" in commands(done.stdout)[0]


@pytest.fixture
def with_program(pull_request: PullRequest) -> PullRequest:
    """The real program in the place of its stand-in."""
    program = pull_request.stubs / "subliminal-bench"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m subliminal_bench "$@"\n')
    pull_request.environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return pull_request


def test_the_programs_own_error_reaches_the_report(with_program: PullRequest) -> None:
    with_program.write("plugins/-my idea.py", "raise ValueError('<no> luck')")
    assert with_program.score().returncode == 1
    assert with_program.report.splitlines()[2] == (
        "**Failed:** cannot load ./plugins/-my idea.py: ValueError: &#60;no&#62; luck "
        "(-my idea.py, line 1)"
    )


@pytest.mark.slow
def test_the_programs_own_scorecard_reaches_the_report(with_program: PullRequest) -> None:
    with_program.values["inputs.seeds || '1-7'"] = "1"
    with_program.write(
        "plugins/-my idea.py",
        HEAD + '@hookimpl\ndef mitigation():\n    return Card(name="idea", title="An idea")\n',
    )
    done = with_program.score()
    assert done.returncode == 0, done
    assert "| trait accuracy &#91;%&#93;" in with_program.report
    assert "**Verdict: " in with_program.report
    assert blocks(with_program.report).count("table_open") == 3
    assert not LIVE & set(blocks(with_program.report))
