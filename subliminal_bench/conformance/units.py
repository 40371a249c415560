"""Are hidden units where, and as large as, training leaves them?"""

from statistics import fmean, geometric_mean

from subliminal_bench.conformance.subject import Subject
from subliminal_bench.experiment.weight_parts import HIDDEN
from subliminal_bench.scoring.weight_marks import unit_marks


def units_out_of_place(subject: Subject) -> str | None:
    """What a mitigation does to hidden units that no training does; None if nothing."""
    changes = [one.weight_change for one in subject.outcomes(1, 2, 3, 4, 5)]
    known = [one for one in changes if one]
    if not known:
        return None
    found = unit_marks(
        {name: fmean(one.exchanged[name] for one in known) for name in HIDDEN},
        {name: geometric_mean(one.rescaled[name] for one in known) for name in HIDDEN},
    )
    return "; ".join(found) or None
