"""Published files of both kinds are read, or refused in one line."""

from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.reports.reproduction.published import read_published
from tests.support.plugins_for_tests import one_line

PER_SEED = "seed,teacher,baseline,projection,projected_fraction,liminal\n"
PER_STEP = "seed,entry,step,trait_loss,distill_loss,cos_pre,cos_post\n"


class TestPublishedFiles:
    def test_both_kinds_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "a_per_seed.csv").write_text(PER_SEED + "2,0.9,0.5,0.1,0.6,0.4\n")
        (tmp_path / "b_per_step.csv").write_text(
            PER_STEP + "7,liminal,1,2,3,4,5\n7,liminal,0,1,2,3,4\n"
        )
        found = read_published(tmp_path)
        assert found.values["baseline", "trait_accuracy"] == {2: 0.5}
        assert found.values["projection", "altered_fraction"] == {2: 0.6}
        assert found.curves["liminal"][7]["trait_loss"].tolist() == [1, 2]
        assert found.curves["liminal"][7]["cosine_post"].tolist() == [4, 5]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "cannot read"),
            ("seed,teacher\n1,0.9\n", "lacks the columns baseline, projection"),
            (PER_SEED + "1,0.9,much,0.1,0.5,0.4\n", "column baseline contains a value that"),
            (PER_SEED + "1,0.9,,0.1,0.5,0.4\n", "column baseline contains a value that"),
        ],
    )
    def test_a_broken_file_is_one_line(self, content: str, said: str, tmp_path: Path) -> None:
        (tmp_path / "x_per_seed.csv").write_text(content)
        with pytest.raises(ResultError) as caught:
            read_published(tmp_path)
        assert said in one_line(caught.value)

    def test_a_folder_without_them_says_what_it_lacks(self, tmp_path: Path) -> None:
        with pytest.raises(ResultError, match=r"neither \*per_seed"):
            read_published(tmp_path)
        with pytest.raises(ResultError, match="no such folder"):
            read_published(tmp_path / "none")
