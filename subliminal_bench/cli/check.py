"""`check`: does a mitigation or a reader keep the rules?"""

from collections.abc import Sequence
from typing import Annotated

import typer

from subliminal_bench.cli.options import MitigationArgument, SetOption
from subliminal_bench.errors import MitigationError


def check(
    mitigation: MitigationArgument,
    settings: SetOption = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Run only these checks, joined by commas.")
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="CHECK=REASON",
            help="Declare that a check is expected to fail, and why.",
        ),
    ] = None,
) -> None:
    """Check that a mitigation or a reader keeps the rules.

    Exit code 1 if it does not.
    """
    from subliminal_bench import conformance
    from subliminal_bench.conformance import text
    from subliminal_bench.conformance.overhead import measure_overhead
    from subliminal_bench.conformance.reader_checks import check_reader, reported
    from subliminal_bench.mitigation.mitigation import load_mitigation
    from subliminal_bench.reading.plugins.reader import is_reader

    chosen = only.split(",") if only is not None else None
    expected = expected_failures(expect or [])
    own = settings or []
    reads = is_reader(mitigation)
    results = []
    for result in (
        check_reader(mitigation, own, chosen, expected)
        if reads
        else conformance.check(mitigation, own, chosen or conformance.CHECKS, expected)
    ):
        print(text.line(result), flush=True)
        results.append(result)
    good = all(result.good for result in results)
    if good and only is None:
        if reads:
            print("", *reported(mitigation, own), sep="\n")
        else:
            print(f"\noverhead: {measure_overhead(load_mitigation(mitigation, own)).text}")
    print(f"\n{text.summary(results)}")
    raise typer.Exit(0 if good else 1)


def expected_failures(given: Sequence[str]) -> dict[str, str]:
    """Declared failures by check.

    >>> expected_failures(["finite=it explodes by design"])
    {'finite': 'it explodes by design'}

    Raises:
        MitigationError: a declared failure has no reason.
    """
    found = {}
    for text in given:
        name, _, reason = text.partition("=")
        if not reason.strip():
            raise MitigationError(f"--expect {text!r}: write CHECK=REASON")
        found[name.strip()] = reason.strip()
    return found
