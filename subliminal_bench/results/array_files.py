"""Array files of the store: a seed's curves as `.npz`, a model's weights as `.safetensors`."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import safetensors
import safetensors.torch
import torch
from pydantic import Field
from torch import Tensor

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import CURVES
from subliminal_bench.results.files import write_atomically
from subliminal_bench.results.jsonfile import StrictRecord, validated
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
    digest = _header(content, path).metadata.get("sha256")
    try:
        parameters = safetensors.torch.load(content)[_PARAMETERS]
    except (ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ResultError(f"cannot read {path} ({type(error).__name__}): delete it") from None
    # Older files have no digest.
    if digest not in (None, _digest(parameters)):
        raise ResultError(f"{path} was changed after it was written: delete it")
    return parameters


class _Tensor(StrictRecord):
    """What a file's header says of a tensor."""

    dtype: Literal["F32", "F64"]
    shape: Annotated[list[int], Field(min_length=1, max_length=1)]
    data_offsets: Annotated[list[int], Field(min_length=2, max_length=2)]


class _Header(StrictRecord):
    """The header of a file with weights: parameters `[parameters]`, and nothing else."""

    parameters: _Tensor
    metadata: dict[str, str] = Field(default_factory=dict, alias="__metadata__")


def _header(content: bytes, path: Path) -> _Header:
    """The header, which stands before the tensors, after its own length."""
    length = int.from_bytes(content[:8], "little")
    try:
        if len(content) < 8 or length > _LONGEST_HEADER:
            raise ResultError(f"cannot read {path}: it has no header")
        return validated(_Header, parse_json(content[8 : 8 + length], path), path)
    except ResultError as error:
        raise ResultError(f"{error}: delete it") from None


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()
