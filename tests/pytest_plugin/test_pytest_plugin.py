"""The pytest plugin, run by pytest itself on the test protocol."""

import re
from pathlib import Path

import pytest

from subliminal_bench.conformance import CHECKS
from subliminal_bench.pytest_plugin.session import check_marker
from tests.support.plugins_for_tests import scaling_source

pytest_plugins = ["pytester"]

# The inner runs know the test protocol by its name.
KNOWS_TINY = """
from dataclasses import replace

import torch

from subliminal_bench import conformance
from subliminal_bench.experiment.tracks import PROTOCOLS

torch.set_num_threads(1)
PROTOCOLS["tiny"] = replace(conformance.SMALL, name="tiny")
"""
TINY = ("--subliminal-protocol", "tiny")
# Six claims about what a mitigation does, and the checks of the conformance kit.
TESTS = 6 + len(CHECKS)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An author's folder with a mitigation that halves the gradient."""
    pytester.makepyfile(knows_tiny=KNOWS_TINY)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    Path(pytester.path / "halve.py").write_text(scaling_source("halve", "0.5"))
    return pytester


def suite(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The suite, as an author runs it from the project's folder."""
    return project.runpytest_subprocess(
        *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(project.path)),
        *("-p", "knows_tiny", "--pyargs", "subliminal_bench.suite", *TINY, *options),
    )


def marked(arguments: str, body: str = "pass", fixture: str = "") -> str:
    return (
        f"import pytest\n\n@pytest.mark.subliminal({arguments})\n"
        f"def test_bounds({fixture}):\n    {body}\n"
    )


def test_the_suite_scores_a_mitigation_and_prints_its_scorecard_once(
    project: pytest.Pytester,
) -> None:
    result = suite(project, "--subliminal-mitigation", "halve.py", "--subliminal-seeds", "1-2")
    text = result.stdout.str()
    assert text.count("expressed trait ") == 1
    assert "test_it_prevents_the_trait" in text
    assert "not resolvable: 2 seeds cannot show any effect" in text
    assert "Traceback" not in text
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.slow
def test_ordinary_selection_and_reports_keep_working(project: pytest.Pytester) -> None:
    result = suite(
        project,
        *("--subliminal-mitigation", "halve.py", "--subliminal-seeds", "1"),
        *("-k", "diverges or rerun or independent", "--junitxml=report.xml", "-x"),
    )
    result.assert_outcomes(passed=3, deselected=TESTS - 3)
    assert result.ret == pytest.ExitCode.OK
    assert "test_no_student_diverges" in (project.path / "report.xml").read_text()


def test_the_suite_without_a_mitigation_says_what_to_name(project: pytest.Pytester) -> None:
    result = suite(project)
    result.stderr.fnmatch_lines(["*--subliminal-mitigation NAME_OR_FILE*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_wrong_mitigation_fails_in_one_line(project: pytest.Pytester) -> None:
    result = suite(project, "--subliminal-mitigation", "nowhere.py", "-k", "diverges")
    assert "no such file: nowhere.py" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.slow
def test_seeds_that_are_in_the_store_are_not_run_again(project: pytest.Pytester) -> None:
    options = (
        "--subliminal-mitigation",
        "halve.py",
        "--subliminal-seeds",
        "1",
        "-k",
        "diverges",
    )
    suite(project, *options).assert_outcomes(passed=1, deselected=TESTS - 1)
    kept = {path: path.stat().st_mtime_ns for path in project.path.rglob("seed-*.json")}
    assert kept
    suite(project, *options).assert_outcomes(passed=1, deselected=TESTS - 1)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_two_workers_run_the_work_once_and_print_one_scorecard(
    project: pytest.Pytester,
) -> None:
    result = suite(
        project, "--subliminal-mitigation", "halve.py", "--subliminal-seeds", "1", "-n", "2"
    )
    assert result.stdout.str().count("trait accuracy [%]") == 1
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] + outcomes["failed"] == TESTS


def test_a_marker_holds_a_mitigation_to_its_bounds(project: pytest.Pytester) -> None:
    chosen = "mitigation='halve.py', protocol='tiny', seeds='1'"
    project.makepyfile(
        test_kept=marked(f"{chosen}, max_trait_accuracy=1.0, max_kl_ratio=1000"),
        test_trait=marked(f"{chosen}, max_trait_accuracy=0.0"),
        test_kl=marked(f"{chosen}, max_kl_ratio=0.0001"),
        test_both=marked(f"{chosen}, max_trait_accuracy=0.0, max_kl_ratio=0.0002"),
        test_fixture=marked(chosen, "assert scorecard.seeds == (1,)", "scorecard"),
        test_settings=marked(
            f"{chosen}, settings={{'factor': 0.25}}",
            "assert scorecard.entry.mitigation.settings == {'factor': 0.25}",
            "scorecard",
        ),
    )
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "knows_tiny")
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(
        [
            "trait accuracy * > 0.0; KL ratio * > 0.0002 (halve)",
            "KL ratio * > 0.0001 (halve)",
            "*Failed: trait accuracy * > 0.0 (halve)",
        ],
        consecutive=False,
    )


def test_a_markers_file_is_looked_for_beside_its_test(project: pytest.Pytester) -> None:
    folder = project.mkdir("below")
    (folder / "third.py").write_text((project.path / "halve.py").read_text())
    chosen = "protocol='tiny', seeds='1'"
    (folder / "test_beside.py").write_text(marked(f"mitigation='third.py', {chosen}"))
    (folder / "test_above.py").write_text(marked(f"mitigation='halve.py', {chosen}"))
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "knows_tiny")
    result.assert_outcomes(passed=2)


def test_the_documented_example_runs(project: pytest.Pytester) -> None:
    root = Path(__file__).parents[2]
    idea, example = (
        re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)[0]
        for page in (root / "README.md", root / "docs" / "ci.md")
    )
    (project.path / "my_idea.py").write_text(idea)
    # The same example, on the test protocol: a fraction of a second, and its own bounds.
    example = example.replace("mnist-5k", "tiny").replace('"1-7"', '"1"')
    example = example.replace("0.35", "1.0").replace("1.6", "1000")
    # A seed alone shows no prevention.
    example = example.replace("    min_prevention=0.1,\n", "")
    project.makepyfile(example)
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "knows_tiny")
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (pytest.mark.subliminal(mitigaton="halve.py"), "does not accept mitigaton"),
        (pytest.mark.subliminal("halve.py"), "does not accept positional arguments"),
        (
            pytest.mark.subliminal(mitigation="halve.py", max_kl_ratio="1"),
            "max_kl_ratio must be a number",
        ),
        (
            pytest.mark.subliminal(mitigation="halve.py", max_kl_ratio=True),
            "max_kl_ratio must be a number",
        ),
        (
            pytest.mark.subliminal(mitigation="halve.py", max_kl_ratio=float("inf")),
            "must be a ratio",
        ),
        (
            pytest.mark.subliminal(mitigation="halve.py", max_trait_accuracy=35),
            "write 0.35 for 35 %",
        ),
        (
            pytest.mark.subliminal(mitigation="halve.py", max_trait_accuracy=float("nan")),
            "from 0 to 1",
        ),
        (pytest.mark.subliminal(mitigation="halve.py", max_trait_accuracy=-0.1), "from 0 to 1"),
        (
            pytest.mark.subliminal(mitigation="halve.py", settings=["a=1"]),
            "settings must be a dictionary",
        ),
    ],
    ids=str,
)
def test_what_the_marker_does_not_know_is_an_error(
    mark: pytest.MarkDecorator, said: str
) -> None:
    with pytest.raises(pytest.UsageError, match=re.escape(said)):
        check_marker(mark.mark, "test_mine.py::test_it")


def test_a_marker_that_is_an_error_ends_pytest_before_anything_runs(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(marked("mitigaton='halve.py'"))
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "knows_tiny")
    assert "does not accept mitigaton" in result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_two_marks_on_one_test_are_an_error(project: pytest.Pytester) -> None:
    second = "@pytest.mark.subliminal(max_trait_accuracy=0.1)\n"
    text = marked("mitigation='halve.py'")
    project.makepyfile(text.replace("@pytest", f"{second}@pytest", 1))
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "knows_tiny")
    assert "several @pytest.mark.subliminal" in result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_project_that_uses_nothing_of_it_imports_nothing_heavy(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        "import sys\ndef test_light():\n    assert 'torch' not in sys.modules\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)


def regress(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The regression gate as tests, on one seed of the probe."""
    probe = (
        "--subliminal-regress",
        "--subliminal-protocol",
        "probe",
        "--subliminal-seeds",
        "1",
    )
    return project.runpytest_subprocess(
        *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(project.path)),
        *("--pyargs", "subliminal_bench.suite", *probe, *options),
    )


@pytest.mark.slow
def test_references_are_held_to_their_numbers_and_nothing_else_runs(
    project: pytest.Pytester,
) -> None:
    result = regress(project, "--subliminal-entries", "baseline,liminal", "-n", "2", "-v")
    result.assert_outcomes(passed=2)
    text = result.stdout.str()
    assert "test_it_gives_its_reference_numbers[baseline]" in text
    assert "test_it_gives_its_reference_numbers[liminal]" in text


def test_a_regression_fails_in_lines_without_a_traceback(project: pytest.Pytester) -> None:
    result = regress(project, "--subliminal-leaderboard", str(project.path / "nothing"))
    result.assert_outcomes(failed=3)
    text = result.stdout.str()
    assert "no baseline file: probe-v2: projection: " in text
    assert "Traceback" not in text


def test_the_suite_alone_asks_what_to_test(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        "-c", "/dev/null", "--pyargs", "subliminal_bench.suite"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (
        "--subliminal-mitigation NAME_OR_FILE, or --subliminal-regress" in result.stderr.str()
    )
