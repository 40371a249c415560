"""Starting processes that have loaded one plugin, of any kind."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import torch

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import MITIGATION, Kind
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.messages import Loaded, LoadedReader
from subliminal_bench.mitigation.isolation.process import (
    SERVICE,
    LostError,
    Process,
    ToldError,
)

Answer = TypeVar("Answer", bound=Loaded | LoadedReader)


class Launcher(Generic[Answer]):
    """Starts processes that have loaded one plugin, one process for each cohort or seed.

    The state of a plugin ends with its process: nothing passes from one cohort to the next, or
    from a normal run to a run that tests whether a mitigation is blind.

    Args:
        spec: the plugin, as a user names it.
        settings: `name=value` each.
        limits: of a process.
        answer: the kind of answer that a process gives once it has loaded such a plugin.
        kind: of plugin.
        service: the module whose `Service` answers there.

    Raises:
        MitigationError: it cannot be loaded.

    Attributes:
        loaded: what the first process answered.
        separation: what keeps the processes apart.
    """

    def __init__(
        self,
        spec: str,
        settings: Sequence[str],
        limits: Limits,
        answer: type[Answer],
        kind: Kind = MITIGATION,
        service: str = SERVICE,
    ) -> None:
        self._spec, self._settings, self._limits = spec, list(settings), limits
        self._answer, self._kind, self._service = answer, kind, service
        process, self.loaded = self._started()
        self.separation = process.separation
        # The process that described the plugin serves the first cohort.
        self._waiting: Process | None = process

    def started(self) -> Process:
        """A process that has not been used yet.

        Raises:
            MitigationError: the plugin cannot be loaded any more, or it has changed.
        """
        process, self._waiting = self._waiting, None
        if process is None:
            process, loaded = self._started()
            now = loaded.described, process.separation
            if now != (self.loaded.described, self.separation):
                process.close()
                raise MitigationError(
                    f"{self._spec} differs from load to load: it must not change during a run"
                )
        return process

    def _started(self) -> tuple[Process, Answer]:
        parts = loading.parts(self._spec)
        hashes = [loading.sources(part, self._kind).sha256 for part in parts]
        files = [file for part in parts for file in loading.files(part, self._kind)]
        try:
            process = Process(self._limits, files, self._service)
            answer = process.ask(
                "load",
                spec=self._spec,
                settings=self._settings,
                threads=torch.get_num_threads(),
            )
        except (LostError, ToldError) as error:
            message = f"cannot load {self._spec}: {error.message}"
            raise MitigationError(message, *error.advice) from error
        if not isinstance(answer, self._answer) or answer.hashes != hashes:
            process.close()
            raise MitigationError(f"{self._spec} changed while it was loading: run it again")
        return process, answer
