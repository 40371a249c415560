"""The reference entries, with which every scorecard compares a mitigation."""

from subliminal_bench import shipped


def built_in_names() -> list[str]:
    """The names of the mitigations that ship with the package."""
    return sorted(path.stem for path in shipped.folder("plugins").glob("[!_]*.py"))


BASELINE = "baseline"
REFERENCES = (BASELINE, "projection", "liminal")
