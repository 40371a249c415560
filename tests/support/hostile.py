"""Hostile files, each with one thing wrong: `python -m tests.support.hostile tests/hostile`.

What they must be answered with is in `tests/hostile/expected.txt`, a line for each.
"""

import io
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[1] / "hostile"
_BASE = Path(__file__).parents[1] / "fixtures" / "schema-2" / "run.json"


def _whole() -> Any:
    """A small valid run."""
    content = json.loads(_BASE.read_bytes())
    return content | {"seeds": content["seeds"][:1]}


def _edited(*way: str | int, to: Any) -> bytes:
    content = _whole()
    holder = content
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = to
    return json.dumps(content, indent=1).encode()


def _raw(raw: str, *way: str | int) -> bytes:
    """A run with a value that Python would not write."""
    return _edited(*way, to="HERE").replace(b'"HERE"', raw.encode())


def _whole_text() -> bytes:
    return json.dumps(_whole(), indent=1).encode()


TITLE = ("mitigation", "title")
METRIC = ("seeds", 0, "metrics", "kl_mean")

RUNS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "cut": lambda: _whole_text()[:-40],
    "utf-16": lambda: _whole_text().decode().encode("utf-16"),
    "byte-order-mark": lambda: b"\xef\xbb\xbf" + _whole_text(),
    "latin-1": lambda: _whole_text().replace(b"Liminal", b"Limin\xe9l", 1),
    "key-twice": lambda: _whole_text().replace(b'"title"', b'"name": "liminal", "title"', 1),
    "nan": lambda: _raw("NaN", *METRIC),
    "infinity": lambda: _raw("-Infinity", *METRIC),
    "overflow": lambda: _raw("1e999", *METRIC),
    "whole-overflow": lambda: _raw("1" + 400 * "0", *METRIC),
    "many-digits": lambda: _raw("1" + 5000 * "0", "seeds", 0, "seed"),
    "deep": lambda: b"[" * 400 + b"]" * 400,
    "deeper": lambda: b'{"a":' * 4000,
    "many-lists": lambda: b"[" + b"[]," * 210_000 + b"0]",
    "turned-title": lambda: _edited(*TITLE, to="safe \u202eelbisiv ton"),
    "no-width-title": lambda: _edited(*TITLE, to="plain\u200bdistillation"),
    "filler-title": lambda: _edited(*TITLE, to="a\u3164b"),
    "tagged-title": lambda: _edited(*TITLE, to="a\U000e0041b"),
    "stacked-title": lambda: _edited(*TITLE, to="a" + 30 * "\u0301"),
    "surrogate-title": lambda: _raw('"\\ud800"', *TITLE),
    "terminal-title": lambda: _edited(*TITLE, to="\x1b]0;owned\x07"),
    "long-title": lambda: _edited(*TITLE, to="x" * 2001),
    "path-name": lambda: _edited("mitigation", "name", to="../../liminal"),
    "other-letters-name": lambda: _edited("mitigation", "name", to="liminаl"),
    "turned-setting": lambda: _edited("mitigation", "settings", to={"a": "x\u2066y"}),
    "unknown-key": lambda: _edited("rank", to=1),
    "true-for-one": lambda: _edited("seeds", 0, "seed", to=True),
}


def _archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def array(values: Any, *, allow_pickle: bool = False) -> bytes:
    """An array as a file of its own."""
    written = io.BytesIO()
    np.save(written, values, allow_pickle=allow_pickle)
    return written.getvalue()


def _claiming(shape: str) -> bytes:
    """An array whose header says another shape than its one value."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    padded = head + " " * (117 - len(head)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + bytes(4)


class _Runs:
    """What runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code of a file has run",)


CURVES: dict[str, Callable[[], bytes]] = {
    "no-archive": lambda: b"PK\x03\x04" + bytes(30),
    "bomb": lambda: _archive(trait_loss=array(np.zeros(20_000_000, np.float32))),
    "pickle": lambda: _archive(
        trait_loss=array(np.array([_Runs()], dtype=object), allow_pickle=True)
    ),
    "other-name": lambda: _archive(evil=array(np.zeros(3, np.float32))),
    "whole-numbers": lambda: _archive(trait_loss=array(np.zeros(3, np.int64))),
    "fields": lambda: _archive(trait_loss=array(np.zeros(3, [("a", "<f4")]))),
    "two-axes": lambda: _archive(trait_loss=array(np.zeros((3, 2), np.float32))),
    "huge-shape": lambda: _archive(trait_loss=_claiming("(10000000000000,)")),
    "negative-shape": lambda: _archive(trait_loss=_claiming("(-1,)")),
    "code-shape": lambda: _archive(trait_loss=_claiming("(__import__('os').getpid(),)")),
}


def _tensors(header: Any, values: bytes = bytes(8)) -> bytes:
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + values


def _tensor(**changed: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changed}


WEIGHTS: dict[str, Callable[[], bytes]] = {
    "endless-header": lambda: struct.pack("<Q", 2**62) + b"{}",
    "no-json": lambda: _tensors(b"{"),
    "a-list": lambda: _tensors([1]),
    "a-word": lambda: _tensors({"parameters": "all of them"}),
    "other-name": lambda: _tensors({"weights": _tensor()}),
    "key-twice": lambda: _tensors(
        b'{"parameters":' + json.dumps(_tensor()).encode() + b',"parameters":null}'
    ),
    "huge-shape": lambda: _tensors({"parameters": _tensor(shape=[10**15])}),
    "outside": lambda: _tensors({"parameters": _tensor(data_offsets=[0, 10**9])}),
    "two-axes": lambda: _tensors({"parameters": _tensor(shape=[1, 2])}),
    "whole-numbers": lambda: _tensors({"parameters": _tensor(dtype="I32")}),
    "other-digest": lambda: _tensors(
        {"parameters": _tensor(), "__metadata__": {"sha256": "0" * 64}}
    ),
}

_TOML = 'name = "idea"\nmitigation = "idea.py"\n'


def _submission(**changed: str) -> dict[str, str]:
    """A submission's files, `__` for the point in a name, surrogates for what is no text."""
    files = {"submission__toml": _TOML, "idea__py": "X = 1\n", **changed}
    return {name.replace("__", "."): text for name, text in files.items()}


SUBMISSIONS: dict[str, dict[str, str]] = {
    "turned-source": _submission(idea__py='X = "a\u202e" # b\n'),
    "hidden-letter": _submission(idea__py="a\u200bb = 1\n"),
    "bytes": _submission(idea__py="X = '\udcff'\n"),
    "other-encoding": _submission(idea__py="# -*- coding: utf-7 -*-\nX = 1\n"),
    "other-script": _submission(idea__py="sсore = 1\n"),
    "all-other-script": _submission(idea__py="ехр = 1\n"),
    "bold-letters": _submission(idea__py="\U0001d41e\U0001d42f\U0001d41a\U0001d425('1')\n"),
    "far-right": _submission(idea__py="X = 1" + " " * 500 + "; import os\n"),
    "no-python": _submission(idea__py="X = (\n"),
    "a-program": _submission(run__sh="rm -r ~\n"),
    "two-capitals": _submission(IDEA__py="X = 2\n"),
    "key-twice": _submission(submission__toml=_TOML + 'name = "liminal"\n'),
    "unknown-key": _submission(submission__toml=_TOML + "rank = 1\n"),
    "a-path": _submission(submission__toml=_TOML.replace("idea.py", "../idea.py")),
    "no-file": _submission(submission__toml=_TOML.replace("idea.py", "other.py")),
    "nan": _submission(submission__toml=_TOML + "[settings]\nweight = nan\n"),
    "overflow": _submission(submission__toml=_TOML + "[settings]\nweight = 1e999\n"),
    "turned-setting": _submission(submission__toml=_TOML + '[settings]\na = "x\\u202Ey"\n'),
    "no-log": _submission(
        submission__toml=_TOML
        + '[tuning]\ntrials = 3\nspace = "weights"\nseeds = "21-40"\nlog = "tuning.csv"\n'
    ),
    "deep": _submission(submission__toml=_TOML + "a = " + 3000 * "[" + "\n"),
}
# Too large to be kept.
_MADE_ANEW = {"many-lists", "bomb"}


def files() -> dict[str, bytes]:
    """All hostile files that are kept, by their path."""
    found = {
        f"{kind}/{name}.{ending}": made()
        for kind, ending, table in (
            ("runs", "json", RUNS),
            ("curves", "npz", CURVES),
            ("weights", "safetensors", WEIGHTS),
        )
        for name, made in table.items()
        if name not in _MADE_ANEW
    }
    # As one file: linters would read the folders' own.
    return found | {"submissions.json": json.dumps(SUBMISSIONS, indent=1).encode() + b"\n"}


def lay(submission: str, folder: Path) -> Path:
    """Write one of the hostile submissions into a folder."""
    content = json.loads((FOLDER / "submissions.json").read_bytes())[submission]
    folder.mkdir(parents=True)
    for name, text in content.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder


def expected() -> dict[str, str]:
    """The line that answers each file; {path} is the file's path, or the submission's."""
    lines = (FOLDER / "expected.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


if __name__ == "__main__":
    for name, content in files().items():
        path = Path(sys.argv[1], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
