"""A submission is read as it was written, and its files are those that were judged."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import ResultError
from subliminal_bench.results.submissions import (
    SUBMISSION_FILE,
    SubmissionText,
    Tuning,
    parse_submission,
    read_submission,
    submission_toml,
    write_submission,
)
from tests.support.examples import many, seen

HERE = Path("submission.toml")
TEXT = SubmissionText(
    name="idea",
    mitigation="idea.py:Idea",
    settings={"weight": 0.5, "on": True, "word": 'a "b" \\ c'},
    tuning=Tuning(trials=12, space="weight in 0.1 to 1", seeds="21-40", log="tuning.csv"),
)

settings = st.dictionaries(
    seen(10),
    st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | seen(20),
    max_size=5,
)
tunings = st.builds(
    Tuning,
    trials=st.integers(1, 10**6),
    space=seen(30).filter(bool),
    seeds=st.from_regex(r"[0-9]{1,3}([,-][0-9]{1,3}){0,3}", fullmatch=True),
    log=st.from_regex(r"(a[a-z0-9_]{0,5}/)?[a-z0-9_][a-z0-9_-]{0,5}\.csv", fullmatch=True),
)
texts = st.builds(
    SubmissionText,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    mitigation=st.from_regex(r"[a-z][a-z0-9_]{0,9}\.py(:[A-Z][a-z]{0,5})?", fullmatch=True),
    settings=settings,
    tuning=st.none() | tunings,
)


def written(folder: Path, text: SubmissionText = TEXT) -> Path:
    folder.mkdir()
    write_submission(folder / SUBMISSION_FILE, text)
    (folder / "idea.py").write_text("class Idea: ...\n")
    (folder / "tuning.csv").write_text("weight,kl\n0.5,1.0\n")
    return folder


@many
@given(texts)
def test_what_is_written_is_read_back_to_the_bit(text: SubmissionText) -> None:
    again = parse_submission(submission_toml(text).encode(), HERE)
    assert repr(again) == repr(text)


def test_a_submission_is_read_with_all_its_files(tmp_path: Path) -> None:
    found = read_submission(written(tmp_path / "idea"))
    assert found.text == TEXT
    assert found.name == "idea"
    assert found.settings == TEXT.settings
    assert found.spec == str(tmp_path / "idea" / "idea.py:Idea")
    assert set(found.files) == {"idea.py", "submission.toml", "tuning.csv"}


def test_what_is_run_is_what_was_judged_even_if_the_folder_changes(tmp_path: Path) -> None:
    folder = written(tmp_path / "idea")
    found = read_submission(folder)
    (folder / "idea.py").write_text("import os\n")
    (tmp_path / "kept").mkdir(mode=0o700)
    copy = found.copied_to(tmp_path / "kept" / "idea")
    assert read_submission(copy.folder).sha256 == found.sha256 == copy.sha256
    assert (copy.folder / "idea.py").read_text() == "class Idea: ...\n"
    assert read_submission(folder).sha256 != found.sha256


def test_a_folder_without_its_text_or_its_files_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "idea")
    (folder / "idea.py").unlink()
    with pytest.raises(ResultError, match=r"mitigation: there is no file idea\.py"):
        read_submission(folder)
    (folder / SUBMISSION_FILE).unlink()
    with pytest.raises(ResultError, match=r"it has no submission\.toml"):
        read_submission(folder)
