"""`new`: write a mitigation and its test as a starting point."""

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
    print(
        f"next:  subliminal-bench check {file}\n"
        f"       subliminal-bench run {file} --seeds 1-7\n"
        f"       pytest {test}"
    )
