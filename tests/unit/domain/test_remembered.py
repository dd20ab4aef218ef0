"""Who wins: an option, what was said before, a variable."""

from __future__ import annotations

import pytest

from run_claude.domain.remembered import Choice, Origin, Word, choose


@pytest.mark.parametrize(
    ("option", "configured", "word", "choice"),
    [
        ("", "", None, Choice("", Origin.DEFAULT)),
        ("", "4500", None, Choice("4500", Origin.CONFIGURED)),
        ("4601", "", None, Choice("4601", Origin.OPTION, Word("4601"))),
        ("4601", "4500", Word("4700"), Choice("4601", Origin.OPTION, Word("4601", "4500"))),
        ("", "", Word("4601"), Choice("4601", Origin.REMEMBERED, Word("4601"))),
        ("", "4500", Word("4601", "4500"), Choice("4601", Origin.REMEMBERED, Word("4601", "4500"))),
        # The variable of another shell, or a line that is gone, says nothing.
        ("", "", Word("4601", "4500"), Choice("4601", Origin.REMEMBERED, Word("4601", "4500"))),
        # A variable that is set to something else since says otherwise, and the word is forgotten.
        ("", "4800", Word("4601", "4500"), Choice("4800", Origin.CONFIGURED)),
        ("", "4800", Word("4601"), Choice("4800", Origin.CONFIGURED)),
    ],
)
def test_the_newest_word_applies(option: str, configured: str, word: Word | None, choice: Choice) -> None:
    assert choose(option, configured, word) == choice


def test_a_variable_of_the_shell_alone_is_a_word() -> None:
    assert choose("", "4500", None, "") == Choice("4500", Origin.CONFIGURED, Word("4500"))
    assert choose("", "4500", None, "4600") == Choice("4500", Origin.CONFIGURED, Word("4500", "4600"))
    assert choose("", "4500", None, "4500") == Choice("4500", Origin.CONFIGURED)
