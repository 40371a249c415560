"""One set-up for the command line, Python and pytest: the same choices, the same mistakes."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

import subliminal_bench as sb
from subliminal_bench import shipped
from subliminal_bench.cli.run import run
from subliminal_bench.errors import BenchmarkError, MitigationError, OptionSpelling
from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.running.setup import Scoring, Setup
from tests.support.terminal import Terminal

CHOICES = {one.name for one in (*fields(Setup), *fields(Scoring))} - {"setup"}
# Where options are typed, what is on by default is switched off.
TYPED = CHOICES - {"weights"} | {"no_weights"}


def test_python_offers_every_choice() -> None:
    assert set(inspect.signature(sb.run).parameters) == CHOICES | {"quiet"}
    # Several tracks take the place of one protocol.
    on_tracks = set(inspect.signature(sb.run_on_tracks).parameters)
    assert on_tracks == CHOICES - {"protocol"} | {"quiet", "tracks"}


def test_the_command_line_offers_every_choice() -> None:
    assert set(inspect.signature(run).parameters) == TYPED | {"form", "full", "out", "track"}


def test_pytest_offers_every_choice(pytestconfig: pytest.Config) -> None:
    for choice in TYPED - {"settings"} | {"track"}:
        pytestconfig.getoption(f"--subliminal-{choice.replace('_', '-')}")
    pytestconfig.getoption("--subliminal-set")


WRONG = [
    ({"protocol": "mnits"}, "unknown protocol 'mnits'"),
    ({"engine": "spark"}, "choose local or ray"),
    ({"device": "tpu"}, "unknown device 'tpu'"),
    ({"seeds": "3-1"}, "run backwards"),
    ({"isolate_timeout": 5.0}, "limits are given for a mitigation that is not isolated"),
    ({"isolate": True, "isolate_memory": 0.1}, "cannot run within 0.1 GiB"),
    ({"isolate": True, "isolate_timeout": float("nan")}, "cannot run within nan s"),
    ({"isolate": True, "isolate_timeout": float("inf")}, "give 604800 or less"),
    ({"isolate": True, "isolate_memory": 1e30}, "give 1000000 or less"),
    ({"isolate": True, "engine": "ray"}, "is started on this machine"),
]


@pytest.mark.parametrize(("chosen", "said"), WRONG, ids=lambda one: str(one))
@pytest.mark.usefixtures("tiny")
def test_a_mistake_is_the_same_line_from_python_and_from_the_command_line(
    chosen: dict[str, object], said: str, type_in: Terminal, tmp_path: Path
) -> None:
    arguments = {"protocol": "tiny", "seeds": "1"} | chosen
    with pytest.raises(BenchmarkError) as caught:
        sb.run("baseline", store=tmp_path / "store", quiet=True, **arguments)  # type: ignore[arg-type]
    assert said in str(caught.value)
    options = [
        word
        for name, value in arguments.items()
        for word in (
            [f"--{name.replace('_', '-')}"]
            if value is True
            else [f"--{name.replace('_', '-')}", value]
        )
    ]
    typed = type_in("run", "baseline", "--store", tmp_path / "store", *map(str, options))
    assert typed.code == 2
    assert caught.value.line(OptionSpelling("--")) in typed.error
    assert not (tmp_path / "store").exists()


def test_advice_is_spelled_for_whoever_reads_it(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError) as caught:
        load_digits(MNIST, tmp_path)
    error = caught.value
    assert "data_dir=... must name" in str(error)
    assert "use protocol='mnist-5k'" in str(error)
    assert "--data-dir must name" in error.line(OptionSpelling("--"))
    assert "use --protocol mnist-5k" in error.line(OptionSpelling("--"))
    assert "--subliminal-data-dir must name" in error.line(OptionSpelling("--subliminal-"))


def test_python_isolates_with_limits(tmp_path: Path, tiny: object) -> None:
    found = sb.run(
        "baseline",
        protocol="tiny",
        seeds=1,
        store=tmp_path,
        isolate=True,
        isolate_timeout=30,
        isolate_memory=6,
        quiet=True,
    )
    assert found.run().isolation


def test_another_source_under_a_built_in_mitigations_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "liminal.py"
    own = (shipped.folder("plugins") / "liminal.py").read_text()
    path.write_text(own)
    scoring = Scoring(setup=Setup(), mitigation=str(path))
    assert scoring.load().mitigation.name == "liminal"
    path.write_text(f"{own}\n# One more line.\n")
    with pytest.raises(MitigationError, match="'liminal' belongs to a built-in mitigation"):
        scoring.load()
