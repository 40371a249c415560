"""How to cite it."""

import subprocess
import sys

from ruamel.yaml import YAML

import subliminal_bench
from tests.support.documents import README, ROOT

PATH = ROOT / "CITATION.cff"
CITATION = YAML(typ="safe").load(PATH)


def test_it_keeps_to_the_schema() -> None:
    arguments = ("--builtin-schema", "vendor.citation-file-format", str(PATH))
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_it_is_of_this_version() -> None:
    assert CITATION["version"] == subliminal_bench.__version__


def test_it_names_the_paper_as_the_readme_does() -> None:
    (paper,) = CITATION["references"]
    assert paper["title"] in " ".join(README.split())
    for author in paper["authors"]:
        assert author["family-names"] in README
    assert paper["identifiers"][0]["value"].removeprefix("arXiv:") in README
