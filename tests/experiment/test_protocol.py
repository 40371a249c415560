"""Protocols are found by their names, and what they fix does not move."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import ProtocolError
from subliminal_bench.experiment.protocol import MNIST, Protocol, Task, Trigger
from subliminal_bench.experiment.tracks import (
    BACKDOOR,
    PROTOCOLS,
    SKILL,
    measured_every,
    protocol_named,
)

CAPABLE = [one for one in PROTOCOLS.values() if one.has_capable_base]

# As in the committed results. A protocol that changes must get a new version instead.
FINGERPRINTS = {
    "mnist": "b1f022ebd31e40f9d06c53e1426273fd8f6b5a662845024f124fc13552abfda5",
    "mnist-5k": "022e576c7d0b7f34137efe64c86fca8aec1eaeb49e780b8b5cd8bb745cf51398",
    "skill-5k": "dbef2d9dd3b7112df8db04e6a018fa33c40c31171cf1d42750cb75b66f73ec7a",
    "backdoor-5k": "b24727947350c600e6a7bea33dc99fe6ef33cfb5a0c114bee3a411c71f3d4a35",
    "probe": "621db6897b46b7d1e2fad135cfed512e0816c09f335440f58b26267f97fd3d52",
    "permuted": "5d84f56d436a534ccd3194dec44e579c8e93f9768e8f7f75db121bd825b3ed3e",
    "skill": "60107bfee6aa8f0e805bec336c5e44695e9dd4b97e439e09064c54f2d12fe8a0",
    "backdoor": "2d4b5b410a6735cb08a7620358dc432208324fd9ac49fca1cd26dc4dc8a28aff",
    "fashion": "dc3a422fcce8c13ba05d9bbeffdb492a40202c5fc1e411ce79125cfa9b74b867",
    "auxiliary-10": "1baca040a3e9ee6473a5d6665fb32fcc97e8eb43601c288bb972bcdaf285b68f",
    "blurred": "4b8a6b27e1b5b2d9bcacf8d629084a2f0a7bce440fab0bbef12cedd5eeb063c6",
    "narrow": "c75ae62e28aabba14fc551c0cfbb16005b5eb6cb04a56d47348554505be88135",
    "squared-error": "55da07aa352bc43affc2435f91cfb0ceb35a97c1e27a443b1f894276c5931d1c",
    "auxiliary-100": "97235f916ef033cf20491cc29d1b7b86ea99928a0bd5d3d6853176b204628cbc",
    "gaussian": "da95b62feff35058240a6e34f0e9e6f33202e57552d5c3ee0409d09349737afc",
    "sgd": "6bdd3cdc01df4e36b94fbe1256297242428cecf8c221f6bb901174198d22d9a5",
    "wide": "2d02f2fe1a9bcbca80398dc89369cc623cb4ca40f2df0a9cda077a7ec1bfc53d",
    "one-layer": "432da395c3d06045cdb62f7498ae137be00208e324a16c8e4dbbbf9b152074e0",
    "three-layers": "b3574480e0f41ec48d6afa13cba5d8fa05aa94eac78fb87c448d6a27cb176d10",
    "short-teacher": "6db05347653bba4ceb3f6664504d4a03deb3f1288b670fee135b178592dcecf4",
    "long-teacher": "4a089c2eae89ace6aead6b389ac1bba73ceb21728ccca47958e3ccab1809806c",
    "long": "b4aed55bfac409c76ccd1babce4d0293763f5ddd7530a3dde01b216508189206",
    "fast": "bdbd056f211e1877a5eedae2eb45f78ade30dadb640aa293d1b66fab2c7f5c0b",
    "start-noise": "fd711f9629dc38a0bc6e8d0053c8f7632d4318f9783f86fbe14d1a0795092a83",
    "far-start": "63c7ed5ae72a22b373a6a2e77ae53e8f0ef22b215788d3dca086d05244c571a3",
}
# A value that differs from the canonical one, for every number that tracks vary.
OTHERWISE: dict[str, object] = {
    "precision": "float64",
    "measure_every": 10,
    "hidden_layers": 3,
    "noise": "blurred",
    "distillation_loss": "squared error",
    "student_optimiser": "sgd",
    "student_learning_rate": 0.1,
    "student_momentum": 0.9,
    "start_noise": 0.01,
    "pixel_order": 0,
    "base_epochs": 1,
    "skill": Task((0, 1), 10, 0, 10),
    "trait": Task((2, 3), 10, 10, 10),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_fingerprint_does_not_move(name: str) -> None:
    assert PROTOCOLS[name].fingerprint == FINGERPRINTS[name]


def test_every_protocol_has_a_fingerprint_of_its_own() -> None:
    assert set(FINGERPRINTS) == set(PROTOCOLS)
    assert len(set(FINGERPRINTS.values())) == len(PROTOCOLS)
    assert {name: one.name for name, one in PROTOCOLS.items()} == {
        name: name for name in PROTOCOLS
    }


class TestEveryNumberIsInTheFingerprint:
    @pytest.mark.parametrize("name", OTHERWISE)
    def test_of_those_that_tracks_vary(self, name: str) -> None:
        other = replace(MNIST, **{name: OTHERWISE[name]})  # type: ignore[arg-type]
        assert other.fingerprint != MNIST.fingerprint

    def test_they_all_differ_from_each_other(self) -> None:
        every = {
            replace(MNIST, **{name: value}).fingerprint  # type: ignore[arg-type]
            for name, value in OTHERWISE.items()
        }
        assert len(every) == len(OTHERWISE)

    def test_none_is_left_out(self) -> None:
        for name in {one.name for one in fields(Protocol)} - OTHERWISE.keys() - {"about"}:
            value = getattr(MNIST, name)
            other = (*value, ("more", "0" * 64)) if isinstance(value, tuple) else f"{value}1"
            moved = replace(MNIST, **{name: other})  # type: ignore[arg-type]
            assert moved.fingerprint != MNIST.fingerprint, name

    @given(st.sampled_from([one.name for one in fields(Task)]), st.sampled_from(CAPABLE))
    def test_of_a_task_too(self, name: str, base: Protocol) -> None:
        for field in ("skill", "trait"):
            task = getattr(base, field)
            other = {"classes": (1, 2), "trigger": Trigger(3, 0, 2)}.get(name, 7)
            moved = replace(base, **{field: replace(task, **{name: other})})
            assert moved.fingerprint != base.fingerprint

    @given(st.sampled_from(["called", "first", "side"]))
    def test_of_a_trigger_too(self, name: str) -> None:
        assert BACKDOOR.trait
        assert BACKDOOR.trait.trigger
        trigger = replace(BACKDOOR.trait.trigger, **{name: 1})
        moved = replace(BACKDOOR, trait=replace(BACKDOOR.trait, trigger=trigger))
        assert moved.fingerprint != BACKDOOR.fingerprint

    def test_but_not_what_is_only_said_about_it(self) -> None:
        assert replace(MNIST, about="?").fingerprint == MNIST.fingerprint


def test_numbers_of_a_capable_track_are_its_traits() -> None:
    assert SKILL.trait_task is SKILL.trait
    assert SKILL.teacher_steps == 5 * 24
    assert (SKILL.base_steps, BACKDOOR.base_steps, MNIST.base_steps) == (50, 98, 0)
    assert [one.has_capable_base for one in (SKILL, BACKDOOR, MNIST)] == [True, True, False]


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
