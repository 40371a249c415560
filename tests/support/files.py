"""Files in a folder, by their names and with what is in them."""

from pathlib import Path


def files_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def contents(store: Path, pattern: str = "*") -> dict[str, bytes]:
    """Every file but the empty ones that are locked."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob(pattern))
        if path.is_file() and path.suffix != ".lock"
    }
