"""Reading an entry's students with a reader: what it finds in them, and in all they are beside.

The same reader looks at the untrained model, at the entry's student, at plain distillation
where that has distilled as far as the entry, and at two controls of the reader itself: plain
distillation in another order of the data, and a decoy that has learned nothing.
"""

import random
import secrets
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from subliminal_bench.errors import ResultError, Setting
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.metrics import SMALLEST_KL
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.experiment.streams import OTHER_ORDER_OFFSET
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.reading.plugins.decoy import decoy
from subliminal_bench.reading.plugins.reader import Reader
from subliminal_bench.reading.plugins.shown import Shown, every
from subliminal_bench.reading.secret_rendering import SecretRendering, secret_rendering
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import Run, SeedResult
from subliminal_bench.running.bench import Bench
from subliminal_bench.scoring.breaking import Found, SeedFound, at_its_kl
from subliminal_bench.scoring.columns import WORST_ACCURACY
from subliminal_bench.threads import no_more_threads_than_cores
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import kl_on_noise
from subliminal_bench.training.path import plain_at
from subliminal_bench.training.student import final_parameters
from subliminal_bench.training.teacher import train_teachers

# Readers compute in float64, so that no processor's rounding matters.
_CPU = torch.device("cpu")
# Fresh seeds are drawn from these: the published ones are below.
FRESH_SEEDS = range(101, 1001)


def fresh_seeds(protocol: Protocol, count: int) -> tuple[int, ...]:
    """Draw seeds that nobody could have tuned anything to."""
    known = [seed for seed in FRESH_SEEDS if seed <= protocol.highest_seed]
    return tuple(sorted(random.SystemRandom().sample(known, count)))


@dataclass(frozen=True)
class Attempt:
    """A reader's attempt at an entry.

    Attributes:
        bench: trains what is missing.
        entry: the mitigation.
        reader: reads its students.
        seeds: of the students.
        secret: seed of the secret rendering.
    """

    bench: Bench
    entry: Mitigation
    reader: Reader
    seeds: tuple[int, ...]
    secret: int

    @classmethod
    def drawn(
        cls, bench: Bench, entry: Mitigation, reader: Reader, seeds: Sequence[int]
    ) -> "Attempt":
        """An attempt with a rendering that is drawn now."""
        return cls(bench, entry, reader, tuple(seeds), secrets.randbelow(2**31))

    @cached_property
    def rendering(self) -> SecretRendering:
        """The secret rendering."""
        return secret_rendering(torch.Generator().manual_seed(self.secret))

    @cached_property
    def _plain(self) -> Mitigation:
        return load_mitigation(BASELINE)

    def say_what_is_missing(self) -> None:
        """Say which students have to be trained first."""
        for one in self._mitigations:
            folder = self._folder(one)
            lacking = set(folder.lacking(self.seeds, path=one.is_plain))
            without = [
                seed
                for seed in self.seeds
                if seed in lacking or seed not in folder.with_weights()
            ]
            if without:
                self.bench.watcher.say(
                    f"{one.name}: the store has no weights of {seeds_phrase(without)}; "
                    "they are trained first"
                )

    def run(self) -> tuple[Run, Run, Found]:
        """Train what is missing, then read.

        Returns:
            The entry's run, plain distillation's, and what the reader finds, seed by seed.

        Raises:
            BenchmarkError: see `Bench.run`.
            HookError: the reader failed, or returned something unusable.
        """
        protocol = self.bench.protocol
        if protocol.trait is not None or protocol.pixel_order is not None:
            # What such a reader is shown are ten classes of images as they are.
            raise ResultError(
                f"readers of your own cannot read the track {protocol.name}: its trait is not "
                "to tell all classes apart, or its pixels are in another order",
                "use ",
                Setting("protocol", "mnist"),
                " or another track",
            )
        self.say_what_is_missing()
        runs = self.bench.run(self._mitigations, self.seeds)
        entry, plain = runs[0], runs[-1]
        self.bench.watcher.doing("reading the digits")
        digits = load_digits(self.bench.protocol, self.bench.data_dir, self.bench.watcher.say)
        with pinned_torch(), no_more_threads_than_cores():
            rows = [
                _SeedReading(self, seed, digits, *pair).found()
                for seed, *pair in zip(self.seeds, entry.seeds, plain.seeds, strict=True)
            ]
        return entry, plain, Found.of(rows)

    @property
    def _mitigations(self) -> list[Mitigation]:
        """The entry and plain distillation, which may be the same."""
        return [self.entry] if self.entry.same_as(self._plain) else [self.entry, self._plain]

    def _folder(self, mitigation: Mitigation) -> RunFolder:
        bench = self.bench
        return bench.store.run_folder(bench.protocol, mitigation, bench.environment)


class _SeedReading:
    """One seed: its models, and what the reader finds in each.

    Args:
        attempt: that this is part of.
        seed: its number.
        digits: that it is made from.
        entry: the entry's result.
        plain: plain distillation's, with its path.
    """

    def __init__(
        self, attempt: Attempt, seed: int, digits: Digits, entry: SeedResult, plain: SeedResult
    ) -> None:
        self._attempt, self._seed, self._digits = attempt, seed, digits
        self._entry = entry
        assert plain.path, "plain distillation is run with its path"
        self._path: PathRecord = plain.path

    def found(self) -> SeedFound:
        """What the reader finds.

        Raises:
            HookError: it failed, or returned something unusable.
        """
        self._attempt.bench.watcher.doing(f"plain distillation's weights, seed {self._seed}")
        end = self._attempt.bench.protocol.student_steps
        reordered = plain_at(self._cohort, {end}, OTHER_ORDER_OFFSET)[end]
        kl = float(kl_on_noise(self._cohort, reordered, fresh=True)[0])
        own_kl = self._entry.metrics["kl_fresh"]
        # A diverged student stands beside plain distillation's end.
        own = {end: 1.0} if own_kl is None else at_its_kl(own_kl, self._path)
        others = at_its_kl(max(kl, SMALLEST_KL), self._path)
        steps = plain_at(self._cohort, {end, *own, *others})
        models: dict[Hashable, Tensor] = {step: one[0] for step, one in steps.items()}
        models["untrained"] = self._cohort.base_parameters[0]
        models["reordered"] = reordered[0]
        generator = torch.Generator().manual_seed(self._attempt.secret + self._seed)
        models["decoy"] = decoy(self._shown, models[end].to(_CPU), generator)
        if own_kl is not None:
            models["entry"] = self._weights()[0]
        self._attempt.bench.watcher.doing(
            f"{self._attempt.reader.name} reads {self._attempt.entry.name}, seed {self._seed}"
        )
        accuracies = self._read(models)
        return SeedFound(
            untrained=accuracies["untrained"],
            entry=accuracies.get("entry", WORST_ACCURACY),
            plain=sum(weight * accuracies[step] for step, weight in own.items()),
            ended=accuracies[end],
            reordered=accuracies["reordered"],
            reordered_plain=sum(weight * accuracies[step] for step, weight in others.items()),
            decoy=accuracies["decoy"],
        )

    def _read(self, models: Mapping[Hashable, Tensor]) -> dict[Hashable, float]:
        """The reader's accuracy on each model, by the model's name.

        In a random order, so that the order tells a reader nothing.
        """
        names = list(models)
        random.SystemRandom().shuffle(names)
        found = {}
        with self._attempt.reader.begin(self._shown) as calls:
            for name in names:
                model = models[name].to(_CPU)
                right = [
                    (calls.predictions(model, one) == self._labels).double().mean().item()
                    for one in self._attempt.reader.card.renderings
                ]
                found[name] = sum(right) / len(right)
        return found

    @cached_property
    def _cohort(self) -> Cohort:
        bench = self._attempt.bench
        teacher = bench.store.teachers(bench.protocol, bench.environment).load(self._seed)
        digits = self._digits.to(bench.device)
        rows = (
            train_teachers(bench.protocol, (self._seed,), digits, bench.device)
            if teacher is None
            else teacher.to(bench.device)[None]
        )
        return Cohort(bench.protocol, (self._seed,), bench.device, digits, rows)

    @cached_property
    def _shown(self) -> Shown:
        return shown_of(self._cohort, self._attempt.reader, self._attempt.rendering)

    @cached_property
    def _labels(self) -> Tensor:
        return shown_labels(self._cohort)

    def _weights(self) -> Tensor:
        """The entry's student, `[1, parameters]`: from the store, else trained again."""
        attempt = self._attempt
        bench = attempt.bench
        folder = bench.store.run_folder(bench.protocol, attempt.entry, bench.environment)
        kept = folder.weights(self._seed)
        return final_parameters(self._cohort, attempt.entry) if kept is None else kept[None]


def shown_of(cohort: Cohort, reader: Reader, secret: SecretRendering) -> Shown:
    """What a reader is shown of a cohort's first student.

    Args:
        cohort: the student's.
        reader: whose card says which renderings it wants.
        secret: the rendering that was drawn.
    """
    images = cohort.test_images if cohort.test_images.dim() == 2 else cohort.test_images[0]
    parts = (cohort.base_parameters[0], cohort.teacher_parameters[0], cohort.noise[0], images)
    base, teacher, noise, test = (one.to(_CPU) for one in parts)
    audit = cohort.audit_images[0].to(_CPU), cohort.audit_labels[0].to(_CPU)
    return Shown.of(
        cohort.protocol,
        cohort.seeds[0],
        (base, teacher),
        noise,
        test,
        audit,
        reader.card.renderings,
        secret,
    )


def shown_labels(cohort: Cohort) -> Tensor:
    """The labels of the test images that readers are shown, int64 `[images]`."""
    labels = cohort.test_labels[0]
    return labels[:: every(len(labels))].to(_CPU)
