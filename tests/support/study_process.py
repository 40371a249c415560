"""A study on the test protocol in a process of its own: `study_process STORE MITIGATION`."""

import sys
from pathlib import Path

from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.results.store import Store
from subliminal_bench.running.setup import Setup
from subliminal_bench.running.study.study import Study
from tests.conftest import TINY

if __name__ == "__main__":
    PROTOCOLS[TINY.name] = TINY
    setup = Setup(protocol=TINY.name, device="cpu", store=Store(Path(sys.argv[1])))
    Study(setup=setup, mitigation=sys.argv[2], trials=8, seeds="1001-1002").load().run()
