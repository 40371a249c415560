"""Runs made by hand on tracks whose base can already do something."""

from collections.abc import Sequence
from typing import Any

from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import SKILL
from subliminal_bench.results.run import Run
from tests.support.runs import make_run

SKILLED = {"skill_accuracy_initial": 0.967, "skill_accuracy_teacher": 0.91}


def capable(
    name: str,
    trait: Sequence[float | None],
    *,
    skill: float = 0.965,
    protocol: Protocol = SKILL,
    **metrics: Any,
) -> Run:
    """A run on a track with a capable base; of a backdoor, without few-shot readers."""
    own = [None if one is None else skill for one in trait]
    skills: dict[str, Any] = {"skill_accuracy": own, **SKILLED}
    run = make_run(name, trait, protocol=protocol, **skills, **metrics)
    if protocol.trait_task.trigger is None:
        return run
    return run.model_copy(update={"seeds": [_without_few_shot(one) for one in run.seeds]})


def _without_few_shot(seed: Any) -> Any:
    def kept(values: dict[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in values.items() if not name.startswith("few_shot")}

    path = seed.path
    if path:
        path = type(path).model_validate(path.model_dump() | {"readings": kept(path.readings)})
    content = seed.model_dump() | {"metrics": kept(seed.metrics), "path": path}
    return type(seed).model_validate(content)
