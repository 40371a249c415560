"""A record holds only what can be measured, and runs of two protocols never meet."""

import copy
from typing import Any

import pydantic
import pytest

from subliminal_bench.errors import ProtocolError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K
from subliminal_bench.mitigation.separation import Separation
from subliminal_bench.results.run import Isolation, SeedResult, same_protocol
from tests.support.plugins_for_tests import one_line
from tests.support.runs import ORDINARY, PLAIN, make_run
from tests.support.weights import record


def test_a_column_follows_the_seeds_asked_for() -> None:
    assert PLAIN.column("kl_mean") == [0.1, None, 0.3]
    assert PLAIN.column("kl_mean", [3, 1]) == [0.3, 0.1]


class TestRecords:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "0.5", True])
    def test_a_metric_that_is_no_finite_number_is_never_written(self, value: Any) -> None:
        metrics: dict[str, Any] = dict.fromkeys(METRICS, 0.0) | {"kl_mean": value}
        with pytest.raises(pydantic.ValidationError):
            SeedResult(seed=1, metrics=metrics, diverged_at=None)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("trait_accuracy", 1.7),
            ("trait_accuracy", -0.1),
            ("kl_fresh", 0.0),
            ("kl_mean", -1.0),
        ],
    )
    def test_what_cannot_be_measured_is_refused(self, name: str, value: float) -> None:
        with pytest.raises(ValueError, match=f"{name} is"):
            SeedResult(seed=1, metrics={**ORDINARY, name: value}, diverged_at=None)

    @pytest.mark.parametrize(("missing", "diverged_at"), [(None, 3), ("kl_fresh", None)])
    def test_values_are_missing_exactly_where_a_student_diverged(
        self, missing: str | None, diverged_at: int | None
    ) -> None:
        metrics: dict[str, float | None] = dict(ORDINARY)
        if missing:
            metrics[missing] = None
        with pytest.raises(ValueError, match="if and only if the student diverged"):
            SeedResult(seed=1, metrics=metrics, diverged_at=diverged_at)

    def test_a_change_of_weights_is_written_only_where_there_is_one(self) -> None:
        without = SeedResult(seed=1, metrics=dict(ORDINARY), diverged_at=None)
        assert "weight_change" not in without.model_dump()
        changed = without.model_copy(update={"weight_change": record()})
        assert SeedResult(**changed.model_dump()) == changed

    def test_a_diverged_student_has_no_change_of_weights(self) -> None:
        (lost,) = make_run("lost", [None]).seeds
        with pytest.raises(ValueError, match="student that diverged"):
            SeedResult(**{**dict(lost), "weight_change": record()})

    @pytest.mark.parametrize(
        "wrong",
        [
            {"displacement": {"layer1": -1.0}},
            {"displacement": {"layer1": float("inf")}},
            {"displacement": {"layer3": 1.0}},
            {"exchanged": {"layer1": 1.5}},
            {"rescaled": {"layer2": 0.5}},
            {"unexplained": 2.0},
            {"finish": float("nan")},
        ],
        ids=str,
    )
    def test_a_change_that_cannot_be_measured_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(pydantic.ValidationError):
            record(**wrong)

    def test_metrics_are_kept_in_one_order(self) -> None:
        backwards: dict[str, float | None] = dict(reversed(list(ORDINARY.items())))
        result = SeedResult(seed=1, metrics=backwards, diverged_at=None)
        assert list(result.metrics) == list(METRICS)


class TestSameProtocol:
    def test_runs_of_one_protocol_may_meet(self) -> None:
        other = make_run("other", [0.5])
        assert same_protocol([PLAIN, other]) == PLAIN.protocol
        assert same_protocol([PLAIN]) == PLAIN.protocol

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"name": "mnist-5k"}, "mnist-5k-v1"),
            ({"version": 2}, "mnist-v2"),
            ({"fingerprint": "0" * 64}, "another fingerprint"),
        ],
    )
    def test_runs_of_two_protocols_or_versions_never_meet(
        self, change: dict[str, object], said: str
    ) -> None:
        record = PLAIN.protocol.model_copy(update=change)
        other = make_run("other", [0.5]).model_copy(update={"protocol": record})
        with pytest.raises(ProtocolError) as caught:
            same_protocol([PLAIN, PLAIN, other])
        message = one_line(caught.value)
        for words_in_it in ["mnist-v1", said, "halve", "other", "never compared"]:
            assert words_in_it in message

    def test_the_two_built_in_protocols_never_meet(self) -> None:
        with pytest.raises(ProtocolError):
            same_protocol([make_run("a", [0.5], protocol=one) for one in (MNIST, MNIST_5K)])


def test_a_record_cannot_be_changed_by_accident() -> None:
    run = copy.deepcopy(PLAIN)
    with pytest.raises(pydantic.ValidationError):
        run.seeds = []


class TestIsolation:
    def test_a_record_from_before_there_was_a_sandbox_stays_as_it_is(self) -> None:
        for content in ({"network": "none"}, {"network": "shared"}):
            record = Isolation.model_validate(content)
            assert not record.is_sandboxed
            assert record.model_dump() == content
            assert "NOT in a sandbox" in record.text

    def test_a_sandbox_is_recorded(self) -> None:
        record = Isolation.of(Separation("none", "bubblewrap"))
        assert record.is_sandboxed
        assert record.model_dump() == {"network": "none", "sandbox": "bubblewrap"}
        assert Isolation.model_validate(record.model_dump()) == record

    def test_a_sandbox_with_a_network_is_none(self) -> None:
        assert not Isolation(network="shared", sandbox="bubblewrap").is_sandboxed

    def test_an_unknown_sandbox_is_refused(self) -> None:
        with pytest.raises(ValueError, match="sandbox"):
            Isolation.model_validate({"network": "none", "sandbox": "a promise"})

    def test_the_stores_key_is_the_old_one_only_where_there_was_no_sandbox(self) -> None:
        """The keys of version 0.1, under which kept results lie."""
        keys = [Isolation(network=network).key for network in ("none", "shared")]
        assert keys == [
            "in a process of its own, without a network",
            "in a process of its own, with the network",
        ]
        assert Isolation(network="none", sandbox="bubblewrap").key not in keys
