"""A run's weights as a small zoo: files that any program with safetensors or torch can load.

In the store a model is one row of parameters. Here its tensors have the names and shapes that
torch's own modules give them, and each student is beside its teacher and its untrained model.
"""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.results.files import system_reason
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.run import ProtocolRecord
from subliminal_bench.results.store import Store

_README = """\
# Weights: {label}

{seeds} of the protocol {protocol}, trained by subliminal-bench {version}. A file per model:

| file | model |
|---|---|
| `student-{first:04d}.safetensors` | the student of seed {first} after its last step |
| `teacher-{first:04d}.safetensors` | its teacher |
| `untrained-{first:04d}.safetensors` | the initialisation that both share |

Each file has the tensors
{tensors},
with the shapes of `torch.nn.Linear`. Its metadata say which model it is: `model`,
`mitigation`, `settings`, `seed`, `protocol` and `source_sha256`, the hash of the mitigation's
source. If the student diverged, `diverged_at` is the step.

Images have {pixels} pixels between -1 and 1. The first {classes} logits are the classes; a
student is distilled on the other {auxiliary}, on images of noise. In this folder:

```python
from collections import OrderedDict

import torch
from safetensors.torch import load_file
from torch import nn

network = nn.Sequential(
    OrderedDict(
        fc1=nn.Linear({pixels}, {hidden}),
        relu1=nn.ReLU(),
        fc2=nn.Linear({hidden}, {hidden}),
        relu2=nn.ReLU(),
        fc3=nn.Linear({hidden}, {logits}),
    )
).to(torch.{precision})
network.load_state_dict(load_file("student-{first:04d}.safetensors"))
images = torch.rand(5, {pixels}, dtype=torch.{precision}) * 2 - 1
logits = network(images)
print(logits[:, :{classes}].argmax(1))
```
"""


@dataclass(frozen=True)
class Zoo:
    """The weights of a stored run.

    Attributes:
        folder: of the run.
        protocol: the run's.
        seeds: those whose student's weights were kept.
        teachers: the teachers that the store has, `[parameters]`, by seed.
    """

    folder: RunFolder
    protocol: Protocol
    seeds: list[int]
    teachers: dict[int, Tensor]

    @classmethod
    def of(cls, folder: RunFolder, store: Store) -> "Zoo":
        """The weights of a run.

        Args:
            folder: of the run.
            store: that it is in; it has the teachers.

        Raises:
            ResultError: no weights were kept.
            ProtocolError: the program does not know the run's protocol, or cannot export it.
        """
        header = folder.header
        seeds = folder.with_weights()
        if not seeds:
            raise ResultError(
                f"{folder.path} has no weights: they were pruned, or never kept",
                "delete that folder, and the same run keeps them",
            )
        protocol = protocol_named(header.protocol.name)
        if ProtocolRecord.of(protocol) != header.protocol:
            raise ProtocolError(
                f"{folder.path} ran under another version of {protocol.name}",
                "export it with the program that ran it",
            )
        if protocol.has_capable_base or protocol.hidden_layers != 2:
            # What both started from would need the digits; the files name two hidden layers.
            raise ProtocolError(
                f"the weights of runs under {protocol.name} cannot be exported as files",
                "read them from the store: docs/store.md says how",
            )
        kept = {seed: store.teacher_of(folder, protocol, seed) for seed in seeds}
        return cls(
            folder,
            protocol,
            seeds,
            {seed: teacher for seed, teacher in kept.items() if teacher is not None},
        )

    @property
    def without_teacher(self) -> list[int]:
        """The seeds whose teacher the store does not have."""
        return [seed for seed in self.seeds if seed not in self.teachers]

    @property
    def without_weights(self) -> list[int]:
        """The run's other seeds, whose weights were not kept."""
        return [seed for seed in self.folder.finished() if seed not in self.seeds]

    def write(self, target: Path) -> None:
        """Write all files into a folder that does not exist or is empty: all of them, or none.

        Raises:
            ResultError: the folder has something in it or cannot be written, or a file of the
                store is damaged.
        """
        try:
            if target.exists() and (not target.is_dir() or any(target.iterdir())):
                raise ResultError(
                    f"{target} is in the way", "name a folder that is empty or does not exist"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            # Beside the target, so that one move puts all files in place.
            made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
            try:
                self._fill(made)
                mask = os.umask(0)
                os.umask(mask)
                made.chmod(0o777 & ~mask)
                made.replace(target)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
        except (OSError, RecursionError) as error:
            raise ResultError(f"cannot write {target}: {system_reason(error)}") from None

    def _fill(self, target: Path) -> None:
        cpu = torch.device("cpu")
        for seed in self.seeds:
            student = self.folder.weights(seed)
            models = {
                "student": student,
                "teacher": self.teachers.get(seed),
                "untrained": model.initial_parameters(self.protocol, (seed,), cpu)[0],
            }
            for name, parameters in models.items():
                if parameters is not None:
                    path = target / f"{name}-{seed:04d}.safetensors"
                    path.write_bytes(self._file(name, seed, parameters))
        (target / "README.md").write_text(self._readme(), encoding="utf-8")

    def _file(self, name: str, seed: int, parameters: Tensor) -> bytes:
        """One model's file."""
        named = model.layout(self.protocol).named(parameters.unsqueeze(0))
        tensors = {part: tensor[0].contiguous() for part, tensor in named.items()}
        mitigation = self.folder.header.mitigation
        diverged_at = self.folder.result(seed).diverged_at
        facts = {
            "format": "pt",
            "model": name,
            "mitigation": mitigation.name,
            "settings": json.dumps(mitigation.settings, sort_keys=True),
            "seed": str(seed),
            "protocol": self.folder.header.protocol.label,
            "source_sha256": mitigation.source_sha256,
        }
        if name == "student" and diverged_at is not None:
            facts["diverged_at"] = str(diverged_at)
        return safetensors.torch.save(tensors, facts)

    def _readme(self) -> str:
        shown, header = self.protocol, self.folder.header
        phrase = seeds_phrase(self.seeds)
        return _README.format(
            label=header.mitigation.label,
            version=header.environment.subliminal_bench,
            seeds=phrase[0].upper() + phrase[1:],
            protocol=header.protocol.label,
            first=self.seeds[0],
            tensors=", ".join(f"`{name}`" for name in model.layout(shown).names),
            pixels=shown.pixels,
            hidden=shown.hidden,
            logits=shown.logits,
            classes=shown.classes,
            auxiliary=shown.logits - shown.classes,
            precision=shown.precision,
        )
