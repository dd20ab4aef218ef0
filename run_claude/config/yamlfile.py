"""Read YAML files as plain values that know their lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from run_claude.config.files import read_text
from run_claude.domain.causes import caused
from run_claude.errors import ConfigError, RunClaudeError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

__all__ = ["Document", "KeyPath", "read_document"]

KeyPath = tuple[str | int, ...]

_DEEPEST = 50  # libyaml's composer overruns the C stack on deep nesting; our files need eight levels at most
_LARGEST = 200_000  # values, with aliases counted each time: a few lines can expand to billions
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_NOTHING_BUT_COMMENTS = re.compile(r"(?:\s*(?:#[^\n]*)?(?:\n|\Z))*\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file: its value, and the line of each key and item."""

    path: Path
    data: Any
    lines: dict[KeyPath, int] = field(default_factory=dict, repr=False)

    def line(self, *keys: str | int) -> int:
        """Return the line of a key, or of its nearest parent that has one."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def where(self, *keys: str | int) -> str:
        """Return the place of a key for a message: ``/path/models.yaml:12: models.mine.needs``."""
        dotted = ".".join(str(key) for key in keys)
        return f"{self.path}:{self.line(*keys)}" + (f": {dotted}" if dotted else "")

    def error(self, keys: KeyPath, problem: str, help: str, *, code: str = "config-invalid") -> RunClaudeError:
        """Return an error about a key, with file, line and key in its message and its facts."""
        facts = {"file": str(self.path), "line": self.line(*keys), "key": ".".join(str(key) for key in keys)}
        return caused(code, f"{self.where(*keys)}: {problem}", help=help, kind=ConfigError, facts=facts)


def read_document(path: Path) -> Document | None:
    """Return a YAML file, or ``None`` if it does not exist or contains only comments.

    :raises ConfigError: with file and line, if it is not YAML, repeats a key, or has a value that is not plain
    """
    text = read_text(path)
    if text is None or _NOTHING_BUT_COMMENTS.match(text):
        return None  # without importing PyYAML, which takes 12 ms
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(path, text, loader_class)
        loader = loader_class(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            builder = _Builder(path, loader)
            data = builder.build(node, (), 0)
            return None if data is None else Document(path, data, builder.lines)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = min(mark.line + 1, _last_line(text)) if mark else _line_of_character(text, error)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        raise caused(
            "yaml-invalid",
            f"{path}:{line}: not valid YAML: {problem}.",
            help=f"Look at line {line} and the one above it: indentation, colons, quotes.",
            facts={"file": str(path), "line": line},
        ) from error


class _Builder:
    """Convert nodes into plain values, and record their lines."""

    def __init__(self, path: Path, loader: yaml.SafeLoader) -> None:
        self.path = path
        self.loader = loader
        self.lines: dict[KeyPath, int] = {}
        self.count = 0

    def build(self, node: yaml.Node, keys: KeyPath, depth: int) -> Any:
        import yaml

        self.enter(node, keys, depth)
        if keys:
            self.lines.setdefault(keys, _line(node))
        match node:
            case yaml.CollectionNode() if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
                raise self.error(node, keys, f"the tag {node.tag} is not supported")
            case yaml.MappingNode():
                return self.mapping(node, keys, depth)
            case yaml.SequenceNode():
                return [self.build(item, (*keys, index), depth + 1) for index, item in enumerate(node.value)]
            case _:
                return self.scalar(node, keys)

    def enter(self, node: yaml.Node, keys: KeyPath, depth: int) -> None:
        self.count += 1
        if depth > _DEEPEST or self.count > _LARGEST:
            problem = "nested too deep, or too large with its aliases expanded"
            raise self.error(node, keys[:1], problem, line=self.lines.get(keys[:1]))

    def mapping(self, node: yaml.MappingNode, keys: KeyPath, depth: int) -> dict[str, Any]:
        import yaml

        self.enter(node, keys, depth)
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for source in sources:
                    if not isinstance(source, yaml.MappingNode):
                        raise self.error(source, keys, "<< needs a mapping or a list of mappings")
                    merged = self.mapping(source, keys, depth + 1) | merged
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error(key_node, keys, "a key must be a plain word")
            key = str(key_node.value)
            if key in own:
                first = self.lines[(*keys, key)]
                raise self.error(key_node, (*keys, key), f"{key} is set twice, first in line {first}")
            self.lines[(*keys, key)] = _line(key_node)
            own[key] = self.build(value_node, (*keys, key), depth + 1)
        return merged | own

    def scalar(self, node: yaml.Node, keys: KeyPath) -> str | int | float | bool | None:
        try:
            value = self.loader.construct_object(node)
        except (ValueError, OverflowError, LookupError, AttributeError) as error:
            # PyYAML converts dates and tagged values unchecked: 2026-99-99, !!timestamp x.
            raise self.error(node, keys, "not a valid value; put it in quotes") from error
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return str(node.value)  # a date without quotes, meant as text

    def error(self, node: yaml.Node, keys: KeyPath, problem: str, *, line: int | None = None) -> RunClaudeError:
        line = line or _line(node)
        dotted = ".".join(str(key) for key in keys)
        return caused(
            "yaml-invalid",
            f"{self.path}:{line}: {f'{dotted}: ' if dotted else ''}{problem}.",
            help=f"Correct line {line}.",
            facts={"file": str(self.path), "line": line, "key": dotted},
        )


def _check_depth(path: Path, text: str, loader_class: type[yaml.SafeLoader]) -> None:
    """Reject nesting that would overrun the composer's stack. The parser of events does not use that stack.

    :raises ConfigError: with the line, if it is nested too deep
    """
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader_class):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                line = _line(event)
                raise caused(
                    "yaml-invalid",
                    f"{path}:{line}: nested deeper than {_DEEPEST} levels.",
                    help=f"Look at line {line} for brackets that are never closed.",
                    facts={"file": str(path), "line": line},
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(at: yaml.Node | yaml.Event) -> int:
    return at.start_mark.line + 1 if at.start_mark else 1


def _last_line(text: str) -> int:
    """Return the number of the last line, as YAML counts: an error about an unclosed bracket points behind it."""
    return len(_BREAK.findall(text)) + (not _BREAK.search(text[-1:]))


def _line_of_character(text: str, error: Exception) -> int:
    """Return the line of a character that YAML does not allow: the reader's error has only a position."""
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
