"""`new`: write a mitigation and its test as a starting point."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def new(
    name: Annotated[
        str, typer.Argument(help="Name of the mitigation and of its file, such as my_idea.")
    ],
    folder: Annotated[
        Path, typer.Option("--folder", help="Folder to write both files to.")
    ] = Path(),
) -> None:
    """Write a working mitigation and its test.

    Both files are a starting point for a mitigation of your own.
    """
    from subliminal_bench.conformance.starter import write_starter

    file, test = write_starter(name, folder)
    print(f"written: {file}\nwritten: {test}\n")
    # For the shell, in which a folder's name may have spaces.
    mitigation, tests = (shlex.quote(str(path)) for path in (file, test))
    print(
        f"next:  subliminal-bench check {mitigation}\n"
        f"       subliminal-bench run {mitigation} --seeds 1-7\n"
        f"       pytest {tests}"
    )
