"""The four answers say what the files say, whatever that is."""

from dataclasses import replace

from subliminal_bench import shipped
from subliminal_bench.reports.site.answers import Answer, answers
from subliminal_bench.reports.site.material import Material, read_material


def said(found: list[Answer]) -> list[str]:
    return [" ".join([one.question, one.short, *one.sentences]) for one in found]


def test_each_of_the_four_questions_has_an_answer(material: Material) -> None:
    questions = [one.question for one in answers(material)]
    assert questions == [
        "What is the best blind method?",
        "Does it hold elsewhere?",
        "Can I believe it?",
        "How do I try it?",
    ]


def test_an_entry_that_prevents_is_named_with_its_prevention(material: Material) -> None:
    best, elsewhere, believable, tried = answers(material)
    first = material.blind[0]
    assert best.short == first.run.mitigation.label
    assert "Its word is “mitigates”" in said([best])[0]
    assert first.prevention is not None
    assert f"Prevention: {100 * first.prevention:.0f} %" in said([best])[0]
    assert "On 20 fresh seeds" in said([elsewhere])[0]
    assert believable.short == "6 of 8 entries were verified"
    assert "1 refuted; 1 not verified" in said([believable])[0]
    assert "In 1, a reader by somebody else finds more" in said([believable])[0]
    assert tried.command is not None
    assert tried.command.mitigation.startswith("leaderboard/submissions/")
    assert not tried.command.is_ours


def test_without_an_entry_that_prevents_nothing_is_promised(material: Material) -> None:
    rows = tuple(row for row in material.levels[0].rows if row.word.value == "slows")
    slow = replace(
        material, levels=(replace(material.levels[0], rows=rows), *material.levels[1:])
    )
    best, elsewhere, *_ = answers(slow)
    assert best.short == "None prevents the trait yet"
    assert "First in rank stands liminal. Its word is “slows”" in said([best])[0]
    assert elsewhere.short == "There is nothing yet to hold"
    none = replace(material, levels=())
    assert [one.short for one in answers(none)][:2] == ["None yet", "Nothing to hold yet"]
    assert answers(none)[3].command is None


def test_the_committed_entries_have_answers() -> None:
    found = answers(read_material(shipped.folder("leaderboard")))
    assert all(one.short for one in found)
    assert found[3].command is not None
