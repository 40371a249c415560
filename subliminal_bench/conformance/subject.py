"""The mitigation that is checked."""

import secrets
from collections.abc import Callable, Sequence

from subliminal_bench.conformance.small import students
from subliminal_bench.conformance.surroundings import Harness, global_state
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training.outcome import Outcome


class Subject:
    """A mitigation that is checked; students that several checks need are trained only once.

    Args:
        spec: the mitigation, as a user names it.
        settings: `name=value` each.
        secret: seed for what the mitigation must not know; by default a new one each time.
    """

    def __init__(
        self, spec: str, settings: Sequence[str] = (), secret: int | None = None
    ) -> None:
        # torch replaces some of its own functions on first use.
        students(load_mitigation("baseline"), 1)
        # Recorded before the mitigation is loaded, because its file could replace functions.
        self.harness = Harness()
        self.surroundings = global_state()
        self.secret = secrets.randbelow(2**31) if secret is None else secret
        self._spec = spec
        self._settings = tuple(settings)
        self._loaded: Mitigation | None = None
        self._outcomes: dict[tuple[int, ...], list[Outcome]] = {}
        self._found: dict[str, str | None] = {}

    def load(self) -> Mitigation:
        """The mitigation, loaded once.

        Raises:
            MitigationError: it cannot be loaded.
        """
        if self._loaded is None:
            self._loaded = self.loaded_again()
        return self._loaded

    @property
    def mitigation(self) -> Mitigation:
        """The loaded mitigation."""
        return self.load()

    def loaded_again(self) -> Mitigation:
        """The mitigation, loaded once more."""
        return load_mitigation(self._spec, self._settings)

    def once(self, name: str, find: Callable[[], str | None]) -> str | None:
        """The result of a search, which runs only once."""
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]

    def outcomes(self, *seeds: int) -> list[Outcome]:
        """Students of the small experiment with these seeds, side by side.

        Raises:
            HookError: a hook failed.
        """
        if seeds not in self._outcomes:
            self._outcomes[seeds] = students(self.mitigation, *seeds)
        return self._outcomes[seeds]
