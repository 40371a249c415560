"""Array files of the store: curves as `.npz`, teachers as `.safetensors`."""

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from subliminal_bench.errors import ResultError


def tensor_digest(values: Tensor) -> str:
    """SHA-256 over a tensor's bytes, in hexadecimal; on the CPU, contiguous."""
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


def curves_in(path: Path) -> dict[str, Tensor]:
    """The curves in a file.

    Raises:
        ResultError: it cannot be read.
    """
    try:
        with np.load(path) as archive:
            return {name: torch.from_numpy(archive[name]) for name in archive.files}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ResultError(
            f"cannot read {path} ({type(error).__name__}): delete the seed's files, run again"
        ) from None


def teacher_in(path: Path) -> Tensor:
    """Parameters as they were kept.

    Raises:
        ResultError: the file cannot be read or was changed.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            digest = (file.metadata() or {}).get("sha256")
            parameters: Tensor = file.get_tensor("parameters")
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise ResultError(f"cannot read {path} ({type(error).__name__}): delete it") from None
    # Some were written before they had a digest.
    if digest not in (None, tensor_digest(parameters)):
        raise ResultError(f"{path} was changed after it was written: delete it")
    return parameters
