"""What comes from outside neither acts on a terminal nor hides on it."""

from __future__ import annotations

import json
import unicodedata

import pytest

from run_claude.domain.visible import json_visible, visible

ACTING = [chr(code) for code in (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))]
TURNING = [chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
HIDING = [chr(code) for code in (0xAD, 0x180E, *range(0x200B, 0x200E), *range(0x2060, 0x2065), 0xFEFF, 0xE0041)]
ENDING = ["\u2028", "\u2029", "\x85"]


def test_a_control_is_written_out() -> None:
    for char in (*ACTING, *TURNING, *HIDING, *ENDING):
        shown = visible(f"a{char}\u00e9")  # no letter that ends a sequence
        assert shown.isprintable(), f"{ord(char):x}"
        assert char not in shown, f"{ord(char):x}"
        assert shown.startswith("a"), f"{ord(char):x}"
        assert shown.endswith("\u00e9"), f"{ord(char):x}"


def test_no_character_of_unicode_that_controls_or_formats_is_left() -> None:
    formats = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")]
    left = [char for char in visible("".join(formats), one_line=True) if not char.isprintable()]
    # Arabic and other signs that begin a number, and musical ones: they are seen.
    assert all(unicodedata.category(char) == "Cf" for char in left)
    assert not set(left) & {*ACTING, *TURNING, *HIDING, *ENDING}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJm\x07", ""),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1bc", r"\x1bc"),
        ("\x1b]unfinished\nnext", "\\x1b]unfinished\nnext"),
        ("over\rwritten", r"over\rwritten"),
        ("two\r\nlines\n\tof it", "two\nlines\n\tof it"),
        ("gpt-5\u202e4-tpg", r"gpt-5\u202e4-tpg"),
        ("Ünïcode, 日本語, 👩\u200d💻, full\u3000width", "Ünïcode, 日本語, 👩\\u200d💻, full\u3000width"),
    ],
)
def test_sequences_go_and_texts_stay(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_in_a_line_of_its_own_there_is_no_other_line() -> None:
    assert visible("a\nerror: b\tc", one_line=True) == r"a\nerror: b\tc"


def test_json_says_the_same_and_holds_no_control() -> None:
    for char in (*ACTING, *TURNING, *HIDING, *ENDING, "\ud800"):
        document = json.dumps({f"k{char}": [f"v{char}"]}, ensure_ascii=False, indent=1)
        assert json.loads(json_visible(document)) == {f"k{char}": [f"v{char}"]}, f"{ord(char):x}"
        assert json_visible(document).replace("\n", "").isprintable(), f"{ord(char):x}"
