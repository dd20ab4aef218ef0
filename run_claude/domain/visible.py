"""Texts from outside as a terminal may be given them: nothing in them acts on it, and nothing hides.

A container's log, a model's name or answer, a backup's manifest may hold escape sequences that rewrite the screen, and
characters that turn a line round or take no room. Pure.
"""

from __future__ import annotations

import re

__all__ = ["json_visible", "visible"]

# Sequences of ANSI as a whole: colours of a log are no loss. An OSC sets titles, links and the clipboard.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
)
# C0 but newline and tab, DEL, C1; what turns the order of characters round; other ends of a line; what has no width.
_CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029"
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff"
)
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_OR_LAYOUT = re.compile(f"[{_CONTROLS}\n\t]")
_IN_JSON = re.compile(f"[{_CONTROLS}]")
_NAMES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str, *, one_line: bool = False) -> str:
    """Return the text with its controls written out, such as ``\\x07`` and ``\\u202e``, and without ANSI's sequences.

    :param one_line: write out newlines and tabs as well: in a name, a cell of a table
    """
    if text.isprintable():
        return text
    text = _SEQUENCE.sub("", text)
    return (_CONTROL_OR_LAYOUT if one_line else _CONTROL).sub(_written, text.replace("\r\n", "\n"))


def json_visible(document: str) -> str:
    """Return a JSON text that means the same, with the characters escaped that JSON itself lets through."""
    return document if document.isprintable() else _IN_JSON.sub(_escaped, document)


def _written(found: re.Match[str]) -> str:
    char = found[0]
    code = ord(char)
    return _NAMES.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\u{unit:04x}" for unit in memoryview(found[0].encode("utf-16-le", "surrogatepass")).cast("H"))
