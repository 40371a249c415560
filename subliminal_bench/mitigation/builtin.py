"""The reference entries: every scorecard holds a mitigation against these."""

from subliminal_bench import shipped


def built_in_names() -> list[str]:
    """Names of the mitigations that ship with the package."""
    return sorted(path.stem for path in shipped.folder("plugins").glob("[!_]*.py"))


BASELINE = "baseline"
REFERENCES = (BASELINE, "projection", "liminal")
