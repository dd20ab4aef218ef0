"""`.env` files, by python-dotenv's grammar, with line numbers and without its import time.

Quoting decides what a ``$`` means, as in a shell and in Compose: ``${NAME}`` and ``${NAME:-default}`` are replaced in
unquoted and double-quoted values, and stand for themselves in single quotes. (python-dotenv replaces them there, too,
so that a password with ``${`` in it cannot be written at all.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Entry", "parse", "quote", "set_values", "values"]

_SPACE = re.compile(r"\s*")
_EXPORT = re.compile(r"(?:export[^\S\r\n]+)?")
_NAME = re.compile(r"'([^']+)'|((?!')[^=\#\s]+)")
_EQUALS = re.compile(r"[^\S\r\n]*(?:=([^\S\r\n]*))?")
_SINGLE = re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL)
_DOUBLE = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_BARE = re.compile(r"[^\r\n]*")
_BARE_COMMENT = re.compile(r"\s+#.*")
_END = re.compile(r"(?:[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|\Z)")
_LINES = re.compile(r"\r\n|\n|\r")
_VARIABLE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")

_SINGLE_ESCAPE = re.compile(r"\\([\\'])")
_DOUBLE_ESCAPE = re.compile(r"\\([\\'\"abfnrtv])")
_DECODED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ENCODED = {ord(char): f"\\{letter}" for letter, char in _DECODED.items()} | {ord("\\"): "\\\\", ord('"'): '\\"'}
_CONTROL = re.compile(r"[\a\b\f\n\r\t\v]")
_ESCAPED_ANYWAY = re.compile(r"\\(?=\\|'|\Z)")  # a backslash that single quotes do not leave alone
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment. ``value`` is ``None`` for a name that stands alone; a value never shows in ``repr``.

    ``start`` and ``end`` enclose the value as it is written, quotes included.
    """

    name: str
    value: str | None
    line: int
    literal: bool  # single-quoted: a `$` stands for itself
    start: int
    end: int

    def __repr__(self) -> str:
        return f"Entry({self.name!r}, line={self.line})"


def parse(text: str, source: str) -> list[Entry]:
    """Return the assignments of a `.env` file, in order.

    :param source: the file's name, for the error
    :raises ConfigError: naming file and line of what is no assignment; never its content, which may be a secret
    """
    return list(_entries(text, source))


def values(text: str, source: str, environ: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Return the values of a `.env` file and their lines, ``${NAME}`` replaced; of a repeated name the last counts.

    A variable is looked up in ``environ`` first and then among the lines above.

    :raises ConfigError: naming file and line of what is no assignment
    """
    found: dict[str, tuple[str, int]] = {}

    def variable(match: re.Match[str]) -> str:
        name, default = match[1], match[2] or ""
        return environ.get(name) or (found[name][0] if name in found else default)

    for entry in parse(text, source):
        if entry.value is not None:
            value = entry.value if entry.literal else _VARIABLE.sub(variable, entry.value)
            found[entry.name] = (value, entry.line)
    return found


def set_values(text: str, source: str, changes: Mapping[str, str]) -> str:
    """Return the text with these values set and every other byte as it was; new names go to the end.

    :raises ConfigError: if the text cannot be parsed: what is not understood is not rewritten
    """
    last = {entry.name: entry for entry in parse(text, source)}
    newline = "\r\n" if "\r\n" in text else "\n"
    for entry in sorted(last.values(), key=lambda entry: entry.start, reverse=True):
        if entry.name in changes:
            equals = "=" if entry.value is None else ""
            text = text[: entry.start] + equals + quote(changes[entry.name]) + text[entry.end :]
    for name, value in changes.items():
        if name not in last:
            text += newline if text not in ("", "\ufeff") and not text.endswith(("\n", "\r")) else ""
            text += f"{name}={quote(value)}{newline}"
    return text


def quote(value: str) -> str:
    """Return a value as it is written into a `.env` file.

    Single quotes wherever they can: python-dotenv, Compose and POSIX shells then read the same value back, ``$``,
    ``#``, blanks and double quotes in it (python-dotenv replaces ``${…}`` all the same; see above). Only control
    characters need double quotes.

    :raises ValueError: if the value cannot be an environment variable's
    """
    if "\0" in value:
        raise ValueError("a NUL character cannot be in an environment variable")
    if _PLAIN.fullmatch(value):
        return value
    awkward = _ESCAPED_ANYWAY.search(value) and "$" not in value  # no single-quoted form is the same to all
    if not awkward and not _CONTROL.search(value):
        return "'" + _ESCAPED_ANYWAY.sub(r"\\\g<0>", value).replace("'", "\\'") + "'"
    return '"' + value.translate(_ENCODED).replace("${", "${:-$}{") + '"'


def _entries(text: str, source: str) -> Iterator[Entry]:
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        at = _match(_SPACE, text, at).end()
        if at == len(text):
            return
        begin = at
        line = len(_LINES.findall(text, 0, begin)) + 1
        at = _match(_EXPORT, text, at).end()
        name: str | None = None
        if text[at : at + 1] != "#":
            named = _NAME.match(text, at)
            if named is None:
                raise _malformed(source, line)
            name, at = named[1] or named[2], named.end()
        equals = _match(_EQUALS, text, at)
        start = end = at
        value, literal = None, False
        if equals[1] is not None:
            start = end = at = equals.end()
            value, literal = "", False
            if equals[1] and text.startswith("#", at):
                start = end = at - len(equals[1])  # `NAME= # comment`: a value goes before the blank
            elif text[at : at + 1] in ("'", '"'):
                quoted = (_SINGLE if text[at] == "'" else _DOUBLE).match(text, at)
                if quoted is None:
                    raise _malformed(source, line, f"the {text[at]} is never closed")
                literal = text[at] == "'"
                value = _unescape(quoted[1], single=literal)
                end = at = quoted.end()
            else:
                bare = _match(_BARE, text, at)
                value, at = _BARE_COMMENT.sub("", bare[0]).rstrip(), bare.end()
                end = start + len(value)
        else:
            at = equals.end()
        rest = _END.match(text, at)
        if rest is None:
            raise _malformed(source, line)
        at = rest.end()
        if "\0" in text[begin:at]:
            raise _malformed(source, line, "it has a NUL character")
        if name is not None:
            yield Entry(name=name, value=value, line=line, literal=literal, start=start, end=end)


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """Match a pattern that matches the empty string, and so always."""
    match = pattern.match(text, at)
    assert match is not None  # noqa: S101 (see above)
    return match


def _unescape(raw: str, *, single: bool) -> str:
    escape = _SINGLE_ESCAPE if single else _DOUBLE_ESCAPE
    return escape.sub(lambda match: _DECODED.get(match[1], match[1]), raw)


def _malformed(source: str, line: int, why: str = "this is no NAME=value") -> ConfigError:
    return ConfigError(
        f"{source}:{line}: {why}.",
        help=f"Write NAME=value, or NAME='value' if it holds blanks or special characters, in line {line}.",
        code="dotenv-invalid",
        facts={"file": source, "line": line},
    )
