"""Arrays from a stranger's `.npz` file: never code, and never more than they may be.

Such a file is a zip archive, and a kilobyte of it can unpack to a gigabyte. Each array's header
says its type and shape. Both are read before its values, and the values are never taken as more
than what they are.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_MOST_ARRAYS = 64
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
# What reading a damaged archive may raise.
_BROKEN = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, OverflowError),
    *(RuntimeError, SyntaxError, MemoryError, struct.error, zlib.error),
    *(zipfile.BadZipFile, zipfile.LargeZipFile),
)


class BrokenArraysError(Exception):
    """An archive that cannot be read, in a few words."""


@dataclass(frozen=True)
class ArrayKind:
    """What an array must be.

    Attributes:
        dtypes: the types that it may have, as numpy writes them, such as `<f4`.
        axes: how many it has.
        bounded: whether none of its values may be infinite; nan stands for what was not
            measured.
    """

    dtypes: tuple[str, ...]
    axes: int
    bounded: bool = False


def read_arrays(
    content: bytes, kinds: Mapping[str, ArrayKind], most: int
) -> dict[str, NDArray[Any]]:
    """The arrays of an archive.

    Args:
        content: of the file.
        kinds: of the arrays that it may have; it need not have all of them.
        most: bytes of all arrays together, unpacked.

    Raises:
        BrokenArraysError: it cannot be read, is larger, or has something else in it.

    >>> packed = io.BytesIO()
    >>> np.savez(packed, seeds=np.array([1, 2], np.int32))
    >>> kinds = {"seeds": ArrayKind(("<i4",), axes=1)}
    >>> read_arrays(packed.getvalue(), kinds, 1000)["seeds"].tolist()
    [1, 2]
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = archive.infolist()
            if len(files) > _MOST_ARRAYS:
                raise BrokenArraysError("too many arrays")
            if sum(file.file_size for file in files) > most:
                raise BrokenArraysError("its arrays are too large")
            found: dict[str, NDArray[Any]] = {}
            for file in files:
                name = file.filename.removesuffix(".npy")
                kind = kinds.get(name)
                if kind is None or name in found or file.filename == name:
                    raise BrokenArraysError("it has an array of another name, or one twice")
                if file.compress_type not in _PACKED or file.flag_bits & _ENCRYPTED:
                    raise BrokenArraysError("it is packed in another way")
                with archive.open(file) as member:
                    found[name] = _array(member.read(file.file_size + 1), file.file_size, kind)
            return found
    except BrokenArraysError:
        raise
    except _BROKEN as error:
        raise BrokenArraysError(type(error).__name__) from None


def _array(content: bytes, size: int, kind: ArrayKind) -> NDArray[Any]:
    if len(content) != size:
        raise BrokenArraysError("an array has another size than it says")
    stream = io.BytesIO(content)
    version = npy.read_magic(stream)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_column, dtype = header(stream)
    # A type of objects would be read by running what the file says.
    if dtype.str not in kind.dtypes or dtype.fields is not None:
        wanted = " or ".join(kind.dtypes)
        raise BrokenArraysError(f"an array is of type {dtype.str:.20}, not {wanted}")
    if len(shape) != kind.axes:
        raise BrokenArraysError(f"an array has {len(shape)} axes, not {kind.axes}")
    values = content[stream.tell() :]
    count = 1
    for length in shape:
        count *= length
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(values) or not dtype.itemsize:
        raise BrokenArraysError("an array has another shape than it says")
    found = np.frombuffer(values, dtype).reshape(shape, order="F" if by_column else "C")
    if kind.bounded and np.isinf(found).any():
        raise BrokenArraysError("a value is infinite")
    return found.copy()
