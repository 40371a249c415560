"""The conformance kit: small named checks that a mitigation keeps the rules.

They run an experiment of a fraction of a second; whether a mitigation helps is another matter.

>>> from subliminal_bench.conformance import check
>>> {result.state.value for result in check("baseline", only=["loads", "rerun_is_the_same"])}
{'passed'}
"""

from subliminal_bench.conformance.as_tests import parametrize
from subliminal_bench.conformance.checks import CHECKS, Check
from subliminal_bench.conformance.kit import Result, State, check
from subliminal_bench.conformance.small import SMALL

__all__ = ["CHECKS", "SMALL", "Check", "Result", "State", "check", "parametrize"]
