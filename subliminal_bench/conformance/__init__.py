"""The conformance kit: small named checks that a mitigation keeps the rules.

Each runs an experiment of a fraction of a second. They do not test whether a mitigation helps.

>>> from subliminal_bench.conformance import check
>>> {result.state.value for result in check("baseline", only=["loads", "rerun_is_the_same"])}
{'passed'}
"""

from subliminal_bench.conformance.as_tests import parametrize
from subliminal_bench.conformance.checks import CHECKS
from subliminal_bench.conformance.claim import Check
from subliminal_bench.conformance.kit import Result, State, check
from subliminal_bench.conformance.small import SMALL

__all__ = ["CHECKS", "SMALL", "Check", "Result", "State", "check", "parametrize"]
