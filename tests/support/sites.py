"""A small leaderboard for the site: every kind of row, and text that would act."""

import hashlib
from pathlib import Path

import numpy as np

from subliminal_bench.mitigation import loading
from subliminal_bench.results.breaks import BreakRecord, ReaderRecord, write_break
from subliminal_bench.results.entries import entry_file_name
from subliminal_bench.results.run import Isolation, Run, Twin, write_run
from subliminal_bench.results.submissions import (
    SUBMISSION_FILE,
    SubmissionText,
    Tuning,
    read_submission,
    write_submission,
)
from subliminal_bench.results.thinned import ThinnedCurves, thinned_file
from tests.support.leaderboards import LEVELS, REFERENCES, around
from tests.support.reported import HOSTILE
from tests.support.runs import make_run
from tests.support.verified import HOLDS, REFUTED, verify_by_hand

SANDBOXED = Isolation(network="none", sandbox="bubblewrap")
SOURCE = f'''"""A source of a stranger: {HOSTILE}"""\n'''


def submit_by_hand(root: Path, run: Run, source: str = SOURCE, refuted: bool = False) -> Run:
    """Lay a run's submission, its entry and its record into a leaderboard."""
    folder = root / "submissions" / run.mitigation.name
    folder.mkdir(parents=True)
    (folder / "idea.py").write_text(source)
    (folder / "tried.csv").write_text("weight\n1\n")
    tuning = Tuning(trials=40, space=HOSTILE, seeds="1001-1003", log="tried.csv")
    text = SubmissionText(name=run.mitigation.name, mitigation="idea.py", tuning=tuning)
    write_submission(folder / SUBMISSION_FILE, text)
    submission = read_submission(folder)
    digest = loading.sources(submission.spec).sha256
    known = run.mitigation.model_copy(update={"source_sha256": digest})
    run = run.model_copy(update={"mitigation": known})
    verify_by_hand(
        root,
        run,
        REFERENCES[0],
        claims=(HOLDS, REFUTED) if refuted else (HOLDS,),
        submission=submission.sha256,
        isolation=SANDBOXED,
    )
    return run


def idea(name: str, shift: float, **but: object) -> Run:
    """A run whose trait differs from the baseline's, with text that would act."""
    run = make_run(name, around(shift), kl_fresh=1.02e-3)
    text = {"title": HOSTILE, "reference": HOSTILE, "prior": f"bright {HOSTILE}"}
    return run.model_copy(
        update={"mitigation": run.mitigation.model_copy(update={**text, **but})}
    )


def make_leaderboard(root: Path) -> Path:
    """A leaderboard with a tie, a broken, a refuted and an unverified entry."""
    for run in REFERENCES:
        verify_by_hand(root, run, REFERENCES[0])
    curve = np.linspace(2.0, 1.0, 300, dtype=np.float32)
    both = dict.fromkeys(("distill_loss", "trait_loss"), curve)
    curves = dict.fromkeys(range(1, 21), both)
    ThinnedCurves.of(REFERENCES[0], curves).write(thinned_file(root, REFERENCES[0]))
    first = idea("first", -0.2, settings={"mode": HOSTILE}, changed=["mode"])
    first = submit_by_hand(
        root,
        first.model_copy(
            update={
                "twin": Twin(
                    settings={"mode": HOSTILE}, seeds=make_run("twin", around(0.0)).seeds
                )
            }
        ),
    )
    submit_by_hand(root, idea("second", -0.2, prior=""), SOURCE + "SECOND = 2\n")
    broken = submit_by_hand(root, idea("broken", -0.25), SOURCE + "BROKEN = 3\n")
    submit_by_hand(root, idea("refuted", -0.3), SOURCE + "REFUTED = 4\n", refuted=True)
    alone = idea("alone", -0.1)
    write_run(root / "entries" / entry_file_name(alone), alone)
    reader = ReaderRecord(
        name="mine",
        title=HOSTILE,
        method="somehow",
        renderings=["raw"],
        labels=False,
        reference=HOSTILE,
        settings={},
        source_sha256=hashlib.sha256(b"mine").hexdigest(),
    )
    record = BreakRecord(
        schema_version=1,
        protocol=broken.protocol,
        mitigation=broken.mitigation,
        reader=reader,
        seeds=[101, 207],
        rendering_seed=3,
        share=0.97,
        low=0.93,
        high=1.01,
        best_of_verdict="latent_accuracy",
        share_of_verdict=0.5,
        why_not=[],
        environment=broken.environment,
        isolation=SANDBOXED,
        entry_isolation=SANDBOXED,
        date="2026-11-28",
    )
    write_break(root, record)
    return root


def make_documents(folder: Path) -> Path:
    """Documents with links in and out, a picture and HTML of their own."""
    (folder / "deeper").mkdir(parents=True)
    (folder / "README.md").write_text(
        "# Documentation\n\n[One](one.md), [two](deeper/README.md)\n"
    )
    for name in (
        "findings",
        "submit-yours",
        "language-models",
        "verdict",
        "glossary",
        "readers",
    ):
        (folder / f"{name}.md").write_text(f"# {name}\n\n## A part\n\n[Here](#a-part)\n")
    for name in ("quick-start", "verification", "threat-model", "protocol"):
        (folder / f"{name}.md").write_text(f"# {name}\n")
    (folder / "one.md").write_text(
        "# One `page`\n\n<script>alert(1)</script>\n\n[Two](deeper/README.md#its-part), "
        "[board](../leaderboard/README.md), [out](https://example.com), [source](../one.py), "
        "[bad](javascript:alert(1))\n\n| a |\n|---|\n| <b>1</b> |\n"
    )
    (folder / "deeper" / "README.md").write_text(
        "# Two\n\n## Its part\n\n[Back](../one.md)\n\n"
        "![a picture](it.svg)\n\n![none](../no.svg)\n"
    )
    (folder / "deeper" / "it.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder


assert len(LEVELS) == 20
