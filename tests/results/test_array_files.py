"""Broken curves are one line that names their file."""

import pytest

from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.results.store import Store
from tests.support.stores import curves_of, entry_of, refused


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None])
def test_broken_curves_are_one_line(content: bytes | None, kept: Store) -> None:
    path = entry_of(kept).path / "seed-0001.npz"
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    assert str(path) in refused(lambda: curves_of(entry_of(kept), 1))


def test_damaged_curves_are_one_line(kept: Store, tiny: Protocol) -> None:
    run = entry_of(kept).run()
    (entry_of(kept).path / "seed-0002.npz").write_bytes(b"PK")
    assert "seed-0002.npz" in refused(lambda: kept.curves(run))
