"""Finding a study in the store, without running anything."""

from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.results.study_folder import find_studies
from subliminal_bench.running.study.findings import Findings, Reader


def shown_study(store: Store, named: str, protocol: str | None = None) -> Findings:
    """The latest study of a mitigation in the store, read from there alone.

    Args:
        store: to look in.
        named: the mitigation's name or file, or the name of a study's folder.
        protocol: its name, however coarsely the study measured; None for any.

    Raises:
        ResultError: there is none, or one of its files is damaged.
    """
    found = find_studies(store, named, None)
    if not found and ".py" in named:
        found = find_studies(store, load_mitigation(named).name, None)
    for one in found:
        own = one.record.protocol.name
        if one.path.name == named or protocol in (None, own, own.partition("-every-")[0]):
            return Reader(one).findings()
    where = f" under {protocol}" if protocol else ""
    raise ResultError(f"no study of {named:.100}{where} in {store.root}")
