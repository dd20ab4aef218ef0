"""Streamed tool calls in turn: at most one of them open at a time, as Anthropic's format has them.

Chat completions may carry several calls in one chunk, or the pieces of several in turn; LiteLLM's translation opens a
block for each chunk, so that two calls became one with the arguments of both. Here each chunk has one call at most, and
the pieces of a call that is not at its turn wait until the one before is complete. What comes in order passes at once.
Knows no LiteLLM: a chunk is whatever has `choices`, and is copied where it has to be cut.
"""

from __future__ import annotations

import copy
import json
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["InTurn"]

_SAID = ("content", "reasoning_content", "thinking_blocks", "refusal")
_Key = tuple[int, str]  # index of a call, and its id: some servers give every call the index 0


class InTurn:
    """The stream, for one reader, asynchronous or not. What it does not know is the given stream's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._source: Any = None
        self._ready: deque[Any] = deque()
        self._queue = _Queue()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> InTurn:
        return self

    def __aiter__(self) -> InTurn:
        return self

    def __next__(self) -> Any:
        if self._source is None:
            self._source = iter(self._stream)
        while not self._ready:
            try:
                self._ready.extend(self._queue.take(next(self._source)))
            except StopIteration:
                self._ready.extend(self._queue.rest())
                if not self._ready:
                    raise
        return self._ready.popleft()

    async def __anext__(self) -> Any:
        if self._source is None:
            self._source = aiter(self._stream)
        while not self._ready:
            try:
                self._ready.extend(self._queue.take(await anext(self._source)))
            except StopAsyncIteration:
                self._ready.extend(self._queue.rest())
                if not self._ready:
                    raise
        return self._ready.popleft()


class _Queue:
    """Who is at his turn, and what waits."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._open: _Key | None = None
        self._called = False
        self._arguments = ""  # of the open call, so far
        self._closed: set[_Key] = set()
        self._waiting: dict[_Key | None, list[Any]] = {}  # in the order in which they came; None is what is said

    def take(self, chunk: Any) -> Iterator[Any]:
        """Yield the chunks that are at their turn now that this one has come."""
        choices: Sequence[Any] = getattr(chunk, "choices", None) or ()
        if len(choices) != 1 or (delta := getattr(choices[0], "delta", None)) is None:
            yield chunk
            return
        calls: Sequence[Any] = getattr(delta, "tool_calls", None) or ()
        self._called = self._called or bool(calls)
        said = any(getattr(delta, name, None) for name in _SAID)
        ends = getattr(choices[0], "finish_reason", None) is not None
        if self._called and choices[0].finish_reason == "stop":  # some servers have no other word for an end
            choices[0].finish_reason = "tool_calls"
        if not (calls or said or ends or self._open is None or getattr(chunk, "usage", None)):
            return  # nothing is in it, and behind a call the translation would open a block of text for it
        idle = not calls and not self._waiting and (not said or self._open is None)
        if idle or (len(calls) == 1 and not said and not ends and self._passes(calls[0])):
            yield chunk
        else:
            yield from self._sorted(chunk, calls, said=said, ends=ends)

    def rest(self) -> Iterator[Any]:
        """Yield all that waits: nothing more comes."""
        for pieces in self._waiting.values():
            yield from pieces
        self._waiting.clear()
        self._close()

    def _passes(self, call: Any) -> bool:
        """Tell whether a call's piece is at its turn and nothing else waits: the usual case, which costs nothing."""
        key = self._key(call)
        if self._waiting or (self._open not in (None, key)) or key in self._closed:
            return False
        self._add(key, call)
        return True

    def _sorted(self, chunk: Any, calls: Any, *, said: bool, ends: bool) -> Iterator[Any]:
        if said:
            yield from self._say(_only(chunk, calls=None))
        for call in calls:
            yield from self._call(self._key(call), call, _only(chunk, calls=[call]))
        if ends:
            yield from self.rest()
        if ends or not (said or calls):
            yield _only(chunk, calls=None, said=False, ends=True)

    def _say(self, piece: Any) -> Iterator[Any]:
        if self._open is None or self._is_complete():
            yield from self._advance()
        if self._open is None:
            yield piece
        else:
            self._waiting.setdefault(None, []).append(piece)

    def _call(self, key: _Key, call: Any, piece: Any) -> Iterator[Any]:
        if key in self._closed:
            return  # a blank behind arguments that were complete
        if self._open in (None, key):
            self._add(key, call)
            yield piece
        else:
            self._waiting.setdefault(key, []).append(piece)
        if self._waiting and self._is_complete():
            yield from self._advance()

    def _advance(self) -> Iterator[Any]:
        """Close the open call, and let pass what waits until a call is open that is not complete."""
        self._close()
        while self._waiting and (self._open is None or self._is_complete()):
            self._close()
            key = next(iter(self._waiting))
            pieces = self._waiting.pop(key)
            if key is not None:
                for piece in pieces:
                    self._add(key, piece.choices[0].delta.tool_calls[0])
            yield from pieces

    def _add(self, key: _Key, call: Any) -> None:
        if self._open == key:  # some servers name a call in each of its pieces, and the translation begins it anew
            call.id = None
            if getattr(call, "function", None) is not None:
                call.function.name = None
        self._open = key
        self._arguments += getattr(getattr(call, "function", None), "arguments", None) or ""

    def _close(self) -> None:
        if self._open is not None:
            self._closed.add(self._open)
        self._open, self._arguments = None, ""

    def _is_complete(self) -> bool:
        if not self._arguments.rstrip().endswith("}"):
            return False
        try:
            return isinstance(json.loads(self._arguments), dict)
        except ValueError:
            return False

    def _key(self, call: Any) -> _Key:
        index = getattr(call, "index", None) or 0
        if named := getattr(call, "id", None):
            self._ids[index] = named
        return index, self._ids.get(index, "")


def _only(chunk: Any, *, calls: list[Any] | None, said: bool = True, ends: bool = False) -> Any:
    """Return a copy of a chunk with these calls only, with or without what is said, with or without its end."""
    piece = copy.deepcopy(chunk)
    choice = piece.choices[0]
    choice.delta.tool_calls = copy.deepcopy(calls)
    if calls or not said:
        for name in _SAID:
            if getattr(choice.delta, name, None):
                setattr(choice.delta, name, None)
    if not ends:
        choice.finish_reason = None
        if getattr(piece, "usage", None) is not None:
            piece.usage = None
    return piece
