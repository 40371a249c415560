"""A file of mitigations, settings and protocols; a mistake in it is one line."""

from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.tracks import ROBUST
from subliminal_bench.running.set_file import read_set


def test_lists_of_values_are_combined(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text(
        'protocols = ["mnist-5k", "mnist"]\nseeds = "1-3"\n\n'
        '[[run]]\nmitigation = "liminal"\n\n'
        '[[run]]\nmitigation = "idea.py"\nsettings = { weight = [0.1, 1], kind = ["a", "b"] }\n'
    )
    found = read_set(path)
    assert found.protocols == ("mnist-5k", "mnist")
    assert [row.label for row in found.rows] == [
        "liminal",
        "idea.py (weight=0.1, kind=a)",
        "idea.py (weight=0.1, kind=b)",
        "idea.py (weight=1, kind=a)",
        "idea.py (weight=1, kind=b)",
    ]


def test_the_robust_set_is_named_by_one_word(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text('protocols = ["robust", "skill-5k"]\n[[run]]\nmitigation = "liminal"\n')
    assert read_set(path).protocols == (*(track.name for track in ROBUST), "skill-5k")
    path.write_text('protocols = ["robust", "skill"]\n[[run]]\nmitigation = "liminal"\n')
    with pytest.raises(ResultError, match="has the protocol skill twice"):
        read_set(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "run: Field required"),
        ("[[run]]\n", "run.0.mitigation: Field required"),
        ("[[run]\n", "is not valid TOML"),
        ('[[run]]\nmitigation = "a"\nseed = 1\n', "run.0.seed: Extra inputs"),
        (2 * '[[run]]\nmitigation = "a"\n', "has the run a twice"),
        (
            "[[run]]\nmitigation = 'a'\n[run.settings]\n"
            + "".join(f"p{n} = [1, 2]\n" for n in range(20)),
            "more than 10000 rows",
        ),
    ],
)
def test_a_mistake_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text(text)
    with pytest.raises(ResultError, match=said):
        read_set(path)
