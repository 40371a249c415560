"""No torch setting of the process, of a file or of a hook changes a number in the store."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from subliminal_bench.errors import SurroundingsError
from subliminal_bench.experiment.torch_state import read_state, restore_state
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.progress import Silent
from tests.conftest import CPU, TINY
from tests.support.files import contents
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import write
from tests.support.watchers import Heard

SEEDS = (1, 2)


class RoundedProducts(TorchFunctionMode):
    """Rounds what every product returns, and counts them."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        returned = function(*arguments, **(named or {}))
        products = (torch.matmul, torch.bmm, torch.baddbmm, torch.Tensor.__mul__)
        return returned.round() if function in products else returned


class RoundedSums(TorchDispatchMode):
    """Rounds the result of every addition below autograd."""

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        returned = function(*arguments, **(named or {}))
        return returned.round() if "add" in str(function) else returned


def settings() -> dict[str, Callable[[], AbstractContextManager[object]]]:
    """Each way in which a process can differ from a fresh one, as a context."""

    def of(change: Callable[[], object]) -> Callable[[], AbstractContextManager[object]]:
        @contextmanager
        def context() -> Iterator[None]:
            before = read_state()
            change()
            try:
                yield
            finally:
                restore_state(before)

        return context

    return {
        "default dtype": of(lambda: torch.set_default_dtype(torch.float64)),
        "default device": of(lambda: torch.set_default_device("meta")),
        "gradient mode": of(lambda: torch.set_grad_enabled(False)),
        "inference mode": torch.inference_mode,
        "deterministic algorithms": of(lambda: torch.use_deterministic_algorithms(True)),
        "float32 precision": of(lambda: torch.set_float32_matmul_precision("medium")),
        "autocasting": of(lambda: torch.set_autocast_enabled("cpu", True)),
        "use of oneDNN": of(lambda: torch._C._set_mkldnn_enabled(False)),
        "flushing of denormal numbers": of(lambda: torch.set_flush_denormal(True)),
        "a function mode": RoundedProducts,
        "a dispatch mode": RoundedSums,
    }


def seeds_of(
    folder: Path, *mitigations: Mitigation, heard: Silent | None = None
) -> dict[str, bytes]:
    """The numbers in the store after a run."""
    bench = Bench(TINY, CPU, Store(folder), watcher=heard or Silent())
    bench.run(mitigations, SEEDS, show_blind=mitigations)
    return contents(folder, "seed-*")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The numbers of a process that sets nothing."""
    return seeds_of(tmp_path_factory.mktemp("expected"), load_mitigation("liminal"))


@pytest.mark.parametrize("setting", settings())
def test_a_setting_of_the_process_changes_no_bit_and_is_said_and_given_back(
    setting: str, expected: dict[str, bytes], tmp_path: Path
) -> None:
    heard = Heard()
    with settings()[setting]():
        before = read_state()
        assert seeds_of(tmp_path, load_mitigation("liminal"), heard=heard) == expected
        assert read_state() == before
    (line,) = heard.lines
    assert line.startswith(f"this process sets {setting}")


# What a file can set when it is loaded, and a hook when it is called.
CHANGES = {
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "default device": "torch.set_default_device('meta')",
    "gradient mode": "torch.set_grad_enabled(not torch.is_grad_enabled())",
    "deterministic algorithms": "torch.use_deterministic_algorithms(True)",
    "float32 precision": "torch.set_float32_matmul_precision('medium')",
    "autocasting": "torch.set_autocast_enabled('cpu', True)",
    "use of oneDNN": "torch._C._set_mkldnn_enabled(False)",
    "flushing of denormal numbers": "torch.set_flush_denormal(True)",
    "function modes": "torch.overrides.BaseTorchFunctionMode().__enter__()",
    "dispatch modes": "torch.utils._python_dispatch.TorchDispatchMode().__enter__()",
}
IMPORTS = "import torch\nimport torch.utils._python_dispatch\n"


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The numbers of a mitigation that sets nothing."""
    folder = tmp_path_factory.mktemp("halved")
    text = source(hook(GRADIENT, "return gradient * 0.5"), before=IMPORTS)
    return seeds_of(folder / "store", load_mitigation(str(write(folder / "plain.py", text))))


@pytest.mark.parametrize("setting", CHANGES)
class TestSetByAMitigation:
    def test_a_file_that_sets_it_when_it_is_loaded_changes_no_number(
        self, setting: str, halved: dict[str, bytes], tmp_path: Path
    ) -> None:
        before = read_state()
        text = source(
            hook(GRADIENT, "return gradient * 0.5"), before=f"{IMPORTS}{CHANGES[setting]}\n"
        )
        loaded = load_mitigation(str(write(tmp_path / "sly.py", text)))
        assert read_state() == before
        assert setting in loaded.undone
        heard = Heard()
        found = seeds_of(tmp_path / "sly", loaded, heard=heard)
        # Two files, so two folders of the store.
        assert sorted(found.values()) == sorted(halved.values())
        assert heard.lines == [
            f"idea: its file changes torch's {', '.join(loaded.undone)}; "
            "results are computed without that"
        ]

    def test_a_hook_that_sets_it_ends_the_run_with_its_name(
        self, setting: str, tmp_path: Path
    ) -> None:
        before = read_state()
        text = source(hook(GRADIENT, CHANGES[setting], "return gradient"), before=IMPORTS)
        loaded = load_mitigation(str(write(tmp_path / "sly.py", text)))
        with pytest.raises(SurroundingsError, match=f"changed torch's .*{setting}") as raised:
            seeds_of(tmp_path / "store", loaded)
        assert "distill_gradient" in str(raised.value)
        assert read_state() == before
        assert not list((tmp_path / "store").rglob("idea-*/seed-*.json"))
