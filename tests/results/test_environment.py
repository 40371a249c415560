"""The environment says which code ran."""

from tests.support.runs import PLAIN


def test_the_environment_says_which_code_ran() -> None:
    here = PLAIN.environment
    assert (here.commit is None) == (here.dirty is None)
    assert here.commit is None or len(here.commit) == 40
