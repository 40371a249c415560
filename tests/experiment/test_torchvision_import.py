"""torchvision's MNIST is there although its operators are missing."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from subliminal_bench.experiment.torchvision_import import data_set_class
from tests.support.plugins_for_tests import write

FAKE_PACKAGE = """
import os, sys, torch
print("imported", file=sys.stderr)
if os.environ["FAKE"] == "broken":
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            raise RuntimeError(f"operator torchvision::{operator} does not exist")
if os.environ["FAKE"] == "otherwise":
    raise RuntimeError("broken in another way")
"""

SCRIPT = """
import torch
from subliminal_bench.experiment.torchvision_import import data_set_class
assert data_set_class("MNIST") is data_set_class("MNIST")
print(data_set_class("MNIST").__name__, hasattr(torch.ops.torchvision, "nms"))
"""


class TestTorchvisionThatCannotBeImported:
    @pytest.mark.parametrize(
        ("state", "printed", "imports"),
        [("broken", "MNIST True", None), ("healthy", "MNIST False", 1)],
    )
    def test_operators_are_declared_only_where_they_are_missing(
        self, state: str, printed: str, imports: int | None, tmp_path: Path
    ) -> None:
        write(tmp_path / "torchvision" / "__init__.py", FAKE_PACKAGE)
        write(tmp_path / "torchvision" / "datasets.py", "class MNIST: pass\n")
        root = Path(__file__).parents[2]
        path = os.pathsep.join([str(tmp_path), str(root)])
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONPATH": path, "FAKE": state},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == printed
        assert imports is None or done.stderr.count("imported") == imports

    def test_any_other_failure_of_its_import_is_not_hidden(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(name: str) -> None:
            raise RuntimeError("broken in another way")

        monkeypatch.setattr(importlib, "import_module", fails)
        with pytest.raises(RuntimeError, match="another way"):
            data_set_class("MNIST")
