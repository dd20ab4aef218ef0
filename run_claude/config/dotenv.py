"""Read and change `.env` files: python-dotenv's grammar, with line numbers and without its import time.

As in a shell and in Compose, ``${NAME}`` and ``${NAME:-default}`` are replaced in unquoted and double-quoted values,
but not in single quotes. (python-dotenv replaces them there as well, so that a password with ``${`` cannot be written.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["Entry", "parse", "quote", "set_values", "unset_values", "values"]

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
_ESCAPED_ANYWAY = re.compile(r"\\(?=\\|'|\Z)")  # a backslash that needs escaping in single quotes
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment. ``value`` is ``None`` for a name without ``=``; ``repr`` never shows a value.

    ``start`` and ``end`` enclose the value in the text, quotes included; ``begin`` and ``finish`` all of it, with the
    end of its last line.
    """

    name: str
    value: str | None
    line: int
    literal: bool  # single-quoted: a `$` is not special
    start: int
    end: int
    begin: int
    finish: int

    def __repr__(self) -> str:
        return f"Entry({self.name!r}, line={self.line})"


def parse(text: str, source: str) -> list[Entry]:
    """Return the assignments of a `.env` file, in order.

    :param source: the file's name, for the error
    :raises ConfigError: with file and line, if a line is not an assignment; never with its content
    """
    return list(_entries(text, source))


def values(text: str, source: str, environ: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Return the values of a `.env` file and their lines, with ``${NAME}`` replaced. The last value of a name counts.

    A variable is looked up in ``environ`` first, then in the lines above.

    :raises ConfigError: with file and line, if a line is not an assignment
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
    """Return the text with these values set and every other byte unchanged. New names are appended.

    :raises ConfigError: if the text cannot be parsed
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


def unset_values(text: str, source: str, names: Iterable[str]) -> str:
    """Return the text without any assignment of these names, and with every other byte unchanged.

    :raises ConfigError: if the text cannot be parsed
    """
    gone = set(names)
    for entry in reversed(parse(text, source)):
        if entry.name in gone:
            text = text[: entry.begin] + text[entry.finish :]
    return text


def quote(value: str) -> str:
    """Return a value, quoted for a `.env` file.

    Uses single quotes where possible: python-dotenv, Compose and POSIX shells then read the same value, with any ``$``,
    ``#``, blank or double quote in it (except that python-dotenv replaces ``${…}``; see above). Only control characters
    need double quotes.

    :raises ValueError: if an environment variable cannot have this value
    """
    if "\0" in value:
        raise ValueError("a NUL character cannot be in an environment variable")
    if _PLAIN.fullmatch(value):
        return value
    awkward = _ESCAPED_ANYWAY.search(value) and "$" not in value  # no single-quoted form is read alike by all
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
                    raise _malformed(source, line, f"the {text[at]} is not closed")
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
            raise _malformed(source, line, "contains a NUL character")
        if name is not None:
            yield Entry(
                name=name, value=value, line=line, literal=literal, start=start, end=end, begin=begin, finish=at
            )


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """Match a pattern that also matches the empty string, so that it always matches."""
    match = pattern.match(text, at)
    assert match is not None  # noqa: S101 (see above)
    return match


def _unescape(raw: str, *, single: bool) -> str:
    escape = _SINGLE_ESCAPE if single else _DOUBLE_ESCAPE
    return escape.sub(lambda match: _DECODED.get(match[1], match[1]), raw)


def _malformed(source: str, line: int, why: str = "not an assignment") -> RunClaudeError:
    return caused(
        "dotenv-invalid",
        f"{source}:{line}: {why}.",
        help=f"Write line {line} as NAME=value, or as NAME='value' if it contains blanks or special characters.",
        facts={"file": source, "line": line},
    )
