"""`reproduce`: write the paper's results beside ours."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import StoreOption, open_store


def reproduce(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")] = Path(
        "reproduction"
    ),
    published: Annotated[
        Path | None,
        typer.Option("--published", help="Folder with the paper's per-seed results as CSV."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write the paper's results beside ours.

    Our table and figures are made from finished mnist runs.
    """
    from subliminal_bench.experiment.protocol import CANONICAL
    from subliminal_bench.reports.reproduction.folder import reproduction_files
    from subliminal_bench.reports.reproduction.published import NOTHING, read_published
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import longest_references
    from subliminal_bench.training.first_order import measure_first_order

    kept = open_store(store)
    given = read_published(published) if published else NOTHING
    runs = longest_references(CANONICAL, kept)
    files = reproduction_files(runs, kept, given, measure_first_order())
    # The page is written last: if it exists, so does every file that it links to.
    for name, content in files.items():
        write_atomically(out / name, content)
    print(files["README.md"].decode())
    print(f"written: {out}")
