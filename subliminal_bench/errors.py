"""What can be wrong on the user's side: each is one line that says what to do.

The command line prints these without a traceback and exits with code 2. Any other
exception is a bug of this package.
"""


class BenchmarkError(Exception):
    """A mistake that the user can mend; its message is one line."""


class SeedsError(BenchmarkError):
    """Seeds that cannot be read or that the protocol cannot run."""


class ProtocolError(BenchmarkError):
    """An unknown protocol, or results of different protocols brought together."""


class DataError(BenchmarkError):
    """Digits that are missing, damaged or cannot be fetched."""


class DeviceError(BenchmarkError):
    """A device that this machine does not have."""


class MitigationError(BenchmarkError):
    """A mitigation that cannot be found, loaded or set up."""


class NoSuchMitigationError(MitigationError):
    """A name, file, module or parameter that does not exist."""


class HookError(BenchmarkError):
    """A hook that failed or returned something unusable, with its seed and step."""


class AccessError(HookError):
    """A hook that asked for what its card does not declare."""


class ChangedInputError(HookError):
    """A hook that changed in place what it was shown."""


class SurroundingsError(HookError):
    """A hook that changed what the harness relies on."""


class NotFiniteError(HookError):
    """A hook that returned infinities or nans of its own making."""


class ProcessError(HookError):
    """A hook whose own process ended, hung or replied what is no answer."""


class ResultError(BenchmarkError):
    """A result, entry or store that cannot be read or written."""
