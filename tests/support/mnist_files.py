"""Small files in MNIST's format, and what is said of wrong ones."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from subliminal_bench.experiment.protocol import MNIST

FILES = tuple(name for name, _ in MNIST.digests)
RAW = Path("MNIST", "raw")


def file_contents(label: int) -> dict[str, bytes]:
    """Four files in MNIST's format, all of one digit: 30 training and 20 test images."""
    pixels = np.random.default_rng(label).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    contents = {}
    for part, images in (("train", pixels[:30]), ("t10k", pixels[30:])):
        count = len(images).to_bytes(4, "big")
        size = (28).to_bytes(4, "big") * 2
        contents[f"{part}-images-idx3-ubyte"] = (
            b"\x00\x00\x08\x03" + count + size + images.tobytes()
        )
        contents[f"{part}-labels-idx1-ubyte"] = (
            b"\x00\x00\x08\x01" + count + bytes([label] * len(images))
        )
    return contents


def put(root: Path, contents: dict[str, bytes]) -> Path:
    """Write MNIST's files in torchvision's layout."""
    (root / RAW).mkdir(parents=True)
    for name, content in contents.items():
        (root / RAW / name).write_bytes(content)
    return root


SEVENS = file_contents(7)

# MNIST with few images, all of them sevens.
SMALL = replace(
    MNIST,
    name="small",
    digests=tuple((name, hashlib.sha256(SEVENS[name]).hexdigest()) for name in FILES),
)
