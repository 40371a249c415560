"""The command to run an entry again is one that a shell and the program take as meant."""

import shlex

import typer

from subliminal_bench.cli import app
from subliminal_bench.reports.site.material import Material
from tests.support.markup import Reader

COMMANDS = getattr(typer.main.get_command(app), "commands", {})


def test_every_command_on_every_page_can_be_typed(pages: dict[str, bytes]) -> None:
    typed = 0
    for name, content in pages.items():
        if name.startswith("docs/"):
            continue
        page = content.decode()
        for block in page.split("<pre")[1:]:
            text = Reader(f"<pre{block.partition('</pre>')[0]}").text
            if not text.startswith("subliminal-bench "):
                continue
            words = shlex.split(text)[1:]
            # Raises where an option is unknown, a value unfit or an argument missing.
            COMMANDS[words[0]].make_context(words[0], words[1:])
            typed += 1
    assert typed > 10


def test_a_strangers_setting_is_one_word_for_a_shell(
    pages: dict[str, bytes], material: Material
) -> None:
    row = next(row for row in material.rows if row.run.mitigation.name == "first")
    (setting,) = row.run.mitigation.changed_settings
    page = pages[f"entries/{row.run.mitigation.file_stem}.html"].decode()
    (block,) = [part for part in page.split("<pre") if "subliminal-bench run" in part]
    words = shlex.split(Reader(f"<pre{block.partition('</pre>')[0]}").text)
    assert words[words.index("--set") + 1] == setting
