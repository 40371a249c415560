"""Errors that a user can fix: each is one line that says what to do.

The same code serves the command line, pytest and Python. An error therefore states the problem
in words that suit all three, and carries its advice separately, as `Setting` and `Call`. Each
interface spells that advice its own way: the command line as options, pytest as
`--subliminal-` options, Python as arguments.

The command line prints these errors without a traceback and exits with code 2. Any other
exception is a bug in this package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from subliminal_bench.printable import brief, printable


@dataclass(frozen=True)
class Setting:
    """A setting of a run or command, with the value that it should get.

    Attributes:
        name: of the Python argument, such as `data_dir`.
        value: the value to set; None if the user has to choose one.
        switch: whether it is switched on instead of being given a value.
    """

    name: str
    value: object = None
    switch: bool = False


@dataclass(frozen=True)
class Call:
    """A command or function to call.

    Attributes:
        name: `run`, `leaderboard` and so on.
        argument: its argument.
        settings: its settings, with their values.
    """

    name: str
    argument: str
    settings: tuple[Setting, ...] = ()


class Spelling(Protocol):
    """How one interface spells advice."""

    def setting(self, setting: Setting) -> str:
        """A setting as the user would type it."""

    def call(self, call: Call) -> str:
        """A call as the user would type it."""


class PythonSpelling:
    """As arguments of a Python call.

    >>> spelling = PythonSpelling()
    >>> spelling.setting(Setting("device", "cpu")), spelling.setting(Setting("data_dir"))
    ("device='cpu'", 'data_dir=...')
    >>> spelling.call(Call("run", "liminal", (Setting("seeds", "1-3"),)))
    "subliminal_bench.run('liminal', seeds='1-3')"
    """

    def setting(self, setting: Setting) -> str:
        """`name=value`."""
        if setting.switch:
            return f"{setting.name}=True"
        return f"{setting.name}={'...' if setting.value is None else repr(setting.value)}"

    def call(self, call: Call) -> str:
        """A call of the package's function."""
        arguments = [repr(call.argument), *map(self.setting, call.settings)]
        return f"subliminal_bench.{call.name}({', '.join(arguments)})"


class OptionSpelling:
    """As options of a command.

    Args:
        prefix: of every option.

    >>> OptionSpelling("--").setting(Setting("data_dir"))
    '--data-dir'
    >>> OptionSpelling("--").call(Call("run", "liminal", (Setting("seeds", "1-3"),)))
    'subliminal-bench run liminal --seeds 1-3'
    """

    def __init__(self, prefix: Literal["--", "--subliminal-"]) -> None:
        self._prefix = prefix

    def setting(self, setting: Setting) -> str:
        """`--name value`."""
        return _option(self._prefix, setting)

    def call(self, call: Call) -> str:
        """A command; its options never have pytest's prefix."""
        options = [_option("--", one) for one in call.settings]
        return " ".join(["subliminal-bench", call.name, call.argument, *options])


def _option(prefix: str, setting: Setting) -> str:
    value = "" if setting.switch or setting.value is None else f" {setting.value}"
    return f"{prefix}{setting.name.replace('_', '-')}{value}"


_PYTHON = PythonSpelling()

Advice = tuple[str | Setting | Call, ...]


class BenchmarkError(Exception):
    """A mistake that the user can fix; its text is one line.

    Args:
        message: the problem, in words that suit every interface.
        advice: what to do, in parts that are joined.

    >>> error = BenchmarkError("torch sees no GPU here", "use ", Setting("device", "cpu"))
    >>> str(error)
    "torch sees no GPU here: use device='cpu'"
    >>> error.line(OptionSpelling("--"))
    'torch sees no GPU here: use --device cpu'
    """

    def __init__(self, message: str, *advice: str | Setting | Call) -> None:
        super().__init__(message, *advice)
        self.message = message
        self.advice = advice

    def line(self, spelling: Spelling) -> str:
        """The error with its advice, spelled for one interface."""
        spelled = "".join(_spelled(part, spelling) for part in self.advice)
        return printable(f"{self.message}: {spelled}" if spelled else self.message)

    def __str__(self) -> str:
        return self.line(_PYTHON)


def _spelled(part: str | Setting | Call, spelling: Spelling) -> str:
    match part:
        case Setting():
            return spelling.setting(part)
        case Call():
            return spelling.call(part)
    return part


def checked_form(form: str, forms: Sequence[str]) -> str:
    """Check the name of an output format.

    Raises:
        ResultError: it is none of these.

    >>> checked_form("json", ("terminal", "json"))
    'json'
    """
    if form not in forms:
        raise ResultError(f"unknown format {brief(form)}; choose one of {', '.join(forms)}")
    return form


class SeedsError(BenchmarkError):
    """Seeds that cannot be read or that the protocol cannot run."""


class ProtocolError(BenchmarkError):
    """An unknown protocol, or a comparison of results from different protocols."""


class DataError(BenchmarkError):
    """Digits that are missing or damaged, or that cannot be downloaded."""


class DeviceError(BenchmarkError):
    """A device that this machine does not have."""


class EngineError(BenchmarkError):
    """A cluster that cannot be reached, cannot run this, or loses its workers."""


class MitigationError(BenchmarkError):
    """A mitigation that cannot be found, loaded or set up."""


class NoSuchMitigationError(MitigationError):
    """A name, file, module or parameter that does not exist."""


class HookError(BenchmarkError):
    """A hook that failed or returned something unusable, with its seed and step."""


class AccessError(HookError):
    """A hook that requested something that its card does not declare."""


class ChangedInputError(HookError):
    """A hook that changed its input in place."""


class SurroundingsError(HookError):
    """A hook that changed state on which the harness relies."""


class NotFiniteError(HookError):
    """A hook that returned infinities or nans that were not in its input."""


class ProcessError(HookError):
    """A hook whose isolated process ended, hung or sent an invalid reply."""


class ResultError(BenchmarkError):
    """A result, entry or store that cannot be read or written."""


class NoSuchFileError(ResultError):
    """A result's file that is not there."""
