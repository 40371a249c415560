"""A mitigation's process is ended at its limit of processor time."""

import os
from pathlib import Path

import pytest

from subliminal_bench.errors import ProcessError
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.training.student import train_students
from tests.support.isolated import Cohorts, isolated
from tests.support.mitigation_files import GRADIENT, hook, source

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")


@pytest.mark.slow
def test_processor_time_is_limited(tmp_path: Path, tiny_cohort: Cohorts) -> None:
    text = source(hook(GRADIENT, "while True: pass"))
    apart = isolated(tmp_path, text, Limits(processor_seconds=4))
    with pytest.raises(ProcessError, match="SIGXCPU after 4 s of processor time"):
        train_students(tiny_cohort(1), apart)
