"""What a wire gives back, and what wires share."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.conformance.exchange import Answer, Call, Failure
    from tests.conformance.target import Target

__all__ = ["NAME", "Reply", "Wire", "call_id", "cut", "halves", "sse", "unknown_fields"]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its frames are sent one by one. ``dropped``: the connection ends in the middle of it."""

    frames: tuple[bytes, ...]
    kind: str = "application/json"
    status: int = 200
    dropped: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, document: object, status: int = 200, **more: Any) -> Reply:
        """Make a reply of one JSON document."""
        return cls((json.dumps(document).encode(),), status=status, **more)


class Wire(Protocol):
    """One provider format."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why a provider would refuse this request."""

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return an answer in this format, streamed if the request asks for that."""

    def fail(self, failure: Failure) -> Reply:
        """Return a refusal before an answer begins."""


def call_id(call: Call, number: int) -> str:
    """Return a call's id as a provider writes it, where the exchange names none."""
    return call.id or f"call{number:05d}"


def cut(text: str, pieces: str) -> list[str]:
    """Cut a text as a stream would carry it; the empty text is one empty piece."""
    if pieces == "characters":
        return list(text) or [""]
    if pieces in ("whole", "together"):
        return [text]
    return re.findall(r"\S*\s*", text)[:-1] or [""]


def halves(value: object) -> bool:
    """Whether a text in a JSON document has half a sign: of a pair that UTF-16 needs for it. Nobody can encode that."""
    match value:
        case str():
            return re.search("[\ud800-\udfff]", value) is not None
        case dict():
            return any(map(halves, value.values()))
        case list():
            return any(map(halves, value))
        case _:
            return False


def sse(events: Iterable[Mapping[str, Any] | str], *, named: bool = True) -> tuple[bytes, ...]:
    """Return server-sent events; a text is sent as it is."""
    frames = []
    for event in events:
        if isinstance(event, str):
            frames.append(f"data: {event}\n\n".encode())
        else:
            name = f"event: {event['type']}\n" if named else ""
            frames.append(f"{name}data: {json.dumps(event)}\n\n".encode())
    return tuple(frames)


def unknown_fields(given: Mapping[str, Any], known: frozenset[str] | set[str], where: str) -> Iterator[str]:
    """Yield the fields that a strict schema does not know."""
    for name in sorted(given.keys() - known):
        yield f"{where}: unknown field {name!r}"
