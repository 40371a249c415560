"""Array files of the store: a seed's curves as `.npz`, a model's weights as `.safetensors`."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import CURVES
from subliminal_bench.results.files import write_atomically
from subliminal_bench.untrusted.array_archive import ArrayKind, BrokenArraysError, read_arrays
from subliminal_bench.untrusted.regular_file import read_bytes
from subliminal_bench.untrusted.strict_json import parse_json

# A seed's curves have 30 kB packed at most, and its weights 2.2 MB.
_MOST_PACKED, _MOST_UNPACKED = 2**24, 2**26
_MOST_WEIGHTS = 2**26
_LONGEST_HEADER = 2**16
_KINDS = {name: ArrayKind(("<f4", "<f8"), axes=1) for name in CURVES}
_PARAMETERS = "parameters"


def write_curves(path: Path, curves: Mapping[str, Tensor]) -> None:
    """Write a seed's curves, `[steps]` each, by name."""
    buffer = io.BytesIO()
    arrays = {name: curve.numpy() for name, curve in curves.items()}
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue(), kept=True)


def read_curves(path: Path, root: Path | None = None) -> dict[str, Tensor]:
    """The curves in a file, float32 or float64 `[steps]` each.

    Args:
        path: of the file.
        root: the store's folder; below it no link is followed.

    Raises:
        NoSuchFileError: there is no such file.
        ResultError: it cannot be read.
    """
    content = read_bytes(path, _MOST_PACKED, root, owned=True)
    try:
        found = read_arrays(content, _KINDS, _MOST_UNPACKED)
    except BrokenArraysError as error:
        raise ResultError(
            f"cannot read {path} ({error}): delete the seed's files, rerun it"
        ) from None
    return {name: torch.from_numpy(curve) for name, curve in found.items()}


def write_weights(path: Path, parameters: Tensor) -> None:
    """Write a model's parameters `[parameters]`, with their digest."""
    kept = parameters.cpu().contiguous()
    content = safetensors.torch.save({_PARAMETERS: kept}, {"sha256": _digest(kept)})
    write_atomically(path, content, kept=True)


def read_weights(path: Path, root: Path | None = None) -> Tensor:
    """A model's parameters `[parameters]`.

    Args:
        path: of the file.
        root: the store's folder; below it no link is followed.

    Raises:
        NoSuchFileError: there is no such file.
        ResultError: the file cannot be read, or it was changed.
    """
    content = read_bytes(path, _MOST_WEIGHTS, root, owned=True)
    try:
        digest = _said_digest(content, path)
        parameters = safetensors.torch.load(content)[_PARAMETERS]
    except (KeyError, ValueError, safetensors.SafetensorError, ResultError) as error:
        raise ResultError(f"cannot read {path} ({type(error).__name__}): delete it") from None
    # Older files have no digest.
    if digest not in (None, _digest(parameters)):
        raise ResultError(f"{path} was changed after it was written: delete it")
    return parameters


def _said_digest(content: bytes, path: Path) -> object:
    """The digest in a file's header; None if it has none.

    Raises:
        ResultError, ValueError: the file does not hold parameters `[parameters]` and nothing
            else.
    """
    length = int.from_bytes(content[:8], "little")
    if length > _LONGEST_HEADER:
        raise ValueError("no header is that long")
    header = parse_json(content[8 : 8 + length], path)
    if not isinstance(header, dict) or header.keys() - {"__metadata__"} != {_PARAMETERS}:
        raise ValueError("it holds something else")
    said = header[_PARAMETERS]
    if said.get("dtype") not in ("F32", "F64") or len(said.get("shape", ())) != 1:
        raise ValueError("its parameters are of another kind")
    return (header.get("__metadata__") or {}).get("sha256")


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()
