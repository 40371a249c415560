"""What a mitigation should do on every track, with one setting; a test per track."""

import pytest

from subliminal_bench.pytest_plugin.tracks import track_names
from subliminal_bench.scoring.robust import TrackRow
from subliminal_bench.scoring.verdict import PREVENTING, distillation_sentence

pytestmark = [
    pytest.mark.usefixtures("named_after_the_suite"),
    pytest.mark.filterwarnings("ignore::pytest.PytestExperimentalApiWarning"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per track that the command line names."""
    metafunc.parametrize("track", track_names(metafunc.config))


def test_it_prevents_the_trait(track_row: TrackRow) -> None:
    """The verdict's word is one that says so; it never is where the skill is lost."""
    card = track_row.card
    if card is None:
        pytest.fail(f"not run: {track_row.failed}", pytrace=False)
    if card.verdict is None:
        pytest.skip("the baseline is what others are compared with")
    if card.verdict.word not in PREVENTING:
        pytest.fail(f"{card.verdict.text}: {card.verdict.reasons[0]}", pytrace=False)


def test_it_distils_as_well_as_the_baseline(track_row: TrackRow) -> None:
    """Final KL on fresh noise, non-inferior within the margin."""
    card = track_row.card
    if card is None:
        pytest.skip(f"not run: {track_row.failed}")
    against = card.against_baseline
    if against is None:
        pytest.skip("the baseline is what others are compared with")
    kept = against.distillation
    if kept is None or not kept.kept:
        pytest.fail(distillation_sentence(kept), pytrace=False)
