"""Array files of the store: a seed's curves as `.npz`, a model's weights as `.safetensors`."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import write_atomically


def write_curves(path: Path, curves: Mapping[str, Tensor]) -> None:
    """Write a seed's curves, `[steps]` each, by name."""
    buffer = io.BytesIO()
    arrays = {name: curve.numpy() for name, curve in curves.items()}
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def read_curves(path: Path) -> dict[str, Tensor]:
    """The curves in a file.

    Raises:
        ResultError: it cannot be read.
    """
    try:
        with np.load(path) as archive:
            return {name: torch.from_numpy(archive[name]) for name in archive.files}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ResultError(
            f"cannot read {path} ({type(error).__name__}): delete the seed's files, rerun it"
        ) from None


def write_weights(path: Path, parameters: Tensor) -> None:
    """Write a model's parameters `[parameters]`, with their digest."""
    kept = parameters.cpu().contiguous()
    content = safetensors.torch.save({"parameters": kept}, {"sha256": _digest(kept)})
    write_atomically(path, content)


def read_weights(path: Path) -> Tensor:
    """A model's parameters `[parameters]`.

    Raises:
        ResultError: the file cannot be read, or it was changed.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            digest = (file.metadata() or {}).get("sha256")
            parameters: Tensor = file.get_tensor("parameters")
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise ResultError(f"cannot read {path} ({type(error).__name__}): delete it") from None
    # Older files have no digest.
    if digest not in (None, _digest(parameters)):
        raise ResultError(f"{path} was changed after it was written: delete it")
    return parameters


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()
