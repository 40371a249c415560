"""Thinned curves, which are kept beside every entry: `leaderboard/curves/NAME.npz`.

    LEADERBOARD/curves/liminal.npz              of the canonical protocol's entries
    LEADERBOARD/curves/mnist-5k/liminal.npz     of another protocol's references

A file holds every tenth step, as float32 `[seeds, steps / 10]` for each curve, of the seeds
whose curves the store had. Each seed has a digest of the result that it belongs to, so that
curves of other numbers are never drawn, and those of some of a run's seeds are found too.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from subliminal_bench.errors import NoSuchFileError, ResultError
from subliminal_bench.experiment.metrics import CURVES, STEP_CURVES
from subliminal_bench.experiment.protocol import CANONICAL
from subliminal_bench.results.entries import entry_file_name
from subliminal_bench.results.files import remove, write_atomically
from subliminal_bench.results.run import Run, SeedResult
from subliminal_bench.untrusted.array_archive import ArrayKind, BrokenArraysError, read_arrays
from subliminal_bench.untrusted.regular_file import read_bytes

# Steps from one kept point to the next. The test accuracy is measured as rarely: all is kept.
EVERY = 10
_FOLDER = "curves"
_SEEDS, _DIGESTS = "seeds", "digests"
# The largest so far has 18 kB; one of a thousand seeds has 900 kB, and twice as much unpacked.
_MOST_PACKED, _MOST_UNPACKED = 2**24, 2**26
_KINDS = {
    _SEEDS: ArrayKind(("<i4",), axes=1),
    _DIGESTS: ArrayKind(("<U64",), axes=1),
    **{name: ArrayKind(("<f4",), axes=2, bounded=True) for name in CURVES},
}

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ThinnedCurves:
    """Every tenth step of a run's curves.

    Attributes:
        digests: of each seed's result.
        curves: by seed and by name, float32 `[steps / 10]` each.
    """

    digests: Mapping[int, str]
    curves: Mapping[int, Mapping[str, Points]]

    @classmethod
    def of(cls, run: Run, curves: Mapping[int, Mapping[str, ArrayLike]]) -> "ThinnedCurves":
        """Thin the curves of a run.

        Args:
            run: that they belong to; a diverged seed is left out.
            curves: with every step, by seed; they may lack some seeds.
        """
        sound = {
            one.seed: one for one in run.seeds if one.diverged_at is None and one.seed in curves
        }
        return cls(
            {seed: _digest(run, result) for seed, result in sound.items()},
            {
                seed: {
                    name: np.asarray(curves[seed][name], dtype=np.float32)[
                        :: EVERY if name in STEP_CURVES else 1
                    ]
                    for name in CURVES
                    if name in curves[seed]
                }
                for seed in sound
            },
        )

    def of_run(self, run: Run) -> dict[int, Mapping[str, Points]]:
        """The curves of those seeds whose results are the run's."""
        return {
            result.seed: self.curves[result.seed]
            for result in run.seeds
            if self.digests.get(result.seed) == _digest(run, result)
        }

    def write(self, path: Path) -> None:
        """Write a file, or remove the one that is there if no seed has curves.

        The same curves give the same bytes.
        """
        seeds = sorted(self.curves)
        if not seeds:
            remove(path)
            return
        names = [name for name in CURVES if all(name in self.curves[seed] for seed in seeds)]
        arrays: dict[str, ArrayLike] = {
            _SEEDS: np.array(seeds, np.int32),
            _DIGESTS: np.array([self.digests[seed] for seed in seeds]),
            **{name: np.stack([self.curves[seed][name] for seed in seeds]) for name in names},
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, values in arrays.items():
                array = io.BytesIO()
                np.save(array, values, allow_pickle=False)
                # Such an entry has a fixed time, unlike one that is made from a file.
                entry = zipfile.ZipInfo(f"{name}.npy")
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, array.getvalue())
        write_atomically(path, buffer.getvalue(), kept=True)


def thinned_file(root: Path, run: Run) -> Path:
    """The file of a run's thinned curves in a leaderboard's folder."""
    folder = root / _FOLDER
    if run.protocol.name != CANONICAL.name:
        folder /= run.protocol.name
    return folder / f"{Path(entry_file_name(run)).stem}.npz"


def read_thinned(root: Path, run: Run) -> dict[int, Mapping[str, Points]]:
    """The thinned curves of a run by seed; empty if there are none, or of other numbers only.

    Raises:
        ResultError: the file is damaged.
    """
    path = thinned_file(root, run)
    try:
        content = read_bytes(path, _MOST_PACKED, root)
        arrays = read_arrays(content, _KINDS, _MOST_UNPACKED)
        if (
            not {_SEEDS, _DIGESTS} <= arrays.keys()
            or len({len(one) for one in arrays.values()}) > 1
        ):
            raise BrokenArraysError("it does not have the same seeds everywhere")
    except NoSuchFileError:
        return {}
    except BrokenArraysError as error:
        raise ResultError(f"cannot read {path} ({error}): delete it") from None
    seeds = arrays.pop(_SEEDS).tolist()
    digests = dict(zip(seeds, arrays.pop(_DIGESTS).tolist(), strict=True))
    curves = {
        seed: {name: values[place] for name, values in arrays.items()}
        for place, seed in enumerate(seeds)
    }
    return ThinnedCurves(digests, curves).of_run(run)


def _digest(run: Run, result: SeedResult) -> str:
    """SHA-256 over what ran and what came out; not over what may have been read later."""
    parts = [
        run.protocol.fingerprint,
        run.mitigation.source_sha256,
        run.mitigation.settings,
        result.model_dump(exclude={"path", "weight_change"}),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
