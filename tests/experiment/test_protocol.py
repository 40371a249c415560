"""Protocols are found by their names, and what they fix does not move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import ProtocolError
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, PROBE, Protocol
from subliminal_bench.experiment.tracks import PROTOCOLS, measured_every, protocol_named

# As in the committed results. A protocol that changes must get a new version instead.
FINGERPRINTS = {
    MNIST: "b1f022ebd31e40f9d06c53e1426273fd8f6b5a662845024f124fc13552abfda5",
    MNIST_5K: "022e576c7d0b7f34137efe64c86fca8aec1eaeb49e780b8b5cd8bb745cf51398",
    PROBE: "621db6897b46b7d1e2fad135cfed512e0816c09f335440f58b26267f97fd3d52",
}


@pytest.mark.parametrize("protocol", FINGERPRINTS, ids=lambda one: one.label)
def test_a_fingerprint_does_not_move(protocol: Protocol) -> None:
    assert protocol.fingerprint == FINGERPRINTS[protocol]


EVERY_STEP = sorted(name for name, one in PROTOCOLS.items() if one.measure_every == 1)


class TestMeasuringLessOften:
    @given(st.sampled_from(EVERY_STEP), st.integers(2, 9))
    def test_it_is_a_protocol_of_its_own_that_its_name_finds(
        self, name: str, steps: int
    ) -> None:
        base = protocol_named(name)
        coarse = measured_every(base, steps)
        assert coarse.measure_every == steps
        assert protocol_named(f"{name}-every-{steps}") == coarse
        assert coarse.fingerprint != base.fingerprint
        assert not coarse.is_canonical
        assert coarse.student_steps == base.student_steps

    def test_every_step_is_the_protocol_itself(self) -> None:
        assert measured_every(MNIST, 1) is MNIST

    @pytest.mark.parametrize("steps", [0, -1, 296, True, 2.0, "10", None])
    def test_what_is_no_number_of_its_steps_is_refused(self, steps: object) -> None:
        with pytest.raises(ProtocolError, match="measuring every"):
            measured_every(MNIST, steps)  # type: ignore[arg-type]

    def test_it_cannot_be_done_twice(self) -> None:
        with pytest.raises(ProtocolError, match="already measured every 10 steps"):
            measured_every(measured_every(MNIST, 10), 5)

    @pytest.mark.parametrize(
        "name",
        ["mnist-every-1", "mnist-every-0", "mnist-every-x", "mnits-every-2", "mnist-every-02"],
    )
    def test_a_name_that_means_nothing_is_unknown(self, name: str) -> None:
        with pytest.raises(ProtocolError, match="unknown protocol"):
            protocol_named(name)
