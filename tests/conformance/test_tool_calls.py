"""Streamed tool calls: one open at a time, in order, each piece as soon as it may pass."""

from __future__ import annotations

import json
from types import SimpleNamespace as Has
from typing import Any

import anyio
from hypothesis import given
from hypothesis import strategies as st

from callbacks.tool_calls import InTurn


def call(index: int, arguments: str, *, name: str | None = None, id: str | None = None) -> Any:
    return Has(index=index, id=id, function=Has(name=name, arguments=arguments))


def chunk(*calls: Any, content: str | None = None, finish: str | None = None, usage: Any = None) -> Any:
    delta = Has(content=content, tool_calls=list(calls) or None)
    return Has(choices=[Has(delta=delta, finish_reason=finish)], usage=usage)


def read(*chunks: Any) -> list[Any]:
    return list(InTurn(iter(chunks)))


def blocks(chunks: list[Any]) -> list[tuple[str, str]]:
    """Put together what a translation that opens a block for each name makes of a stream."""
    found: list[tuple[str, str]] = []
    for row in chunks:
        delta = row.choices[0].delta
        assert len(delta.tool_calls or ()) <= 1
        if delta.content:
            found.append(("text", delta.content))
        for piece in delta.tool_calls or ():
            if piece.function.name:
                found.append((piece.function.name, ""))
            name, arguments = found[-1]
            found[-1] = (name, arguments + piece.function.arguments)
    return found


A, B = '{"path": "/a"}', '{"path": "/b"}'


def test_two_calls_in_one_chunk_become_two_chunks() -> None:
    both = chunk(call(0, A, name="Read", id="1"), call(1, B, name="Edit", id="2"))
    assert blocks(read(both, chunk(finish="tool_calls"))) == [("Read", A), ("Edit", B)]


def test_the_end_stays_behind_the_calls_of_its_chunk() -> None:
    both = chunk(call(0, A, name="Read", id="1"), call(1, B, name="Edit", id="2"), finish="tool_calls", usage=7)
    *before, last = read(both)
    assert [row.choices[0].finish_reason for row in before] == [None, None]
    assert [row.usage for row in before] == [None, None]
    assert (last.choices[0].finish_reason, last.choices[0].delta.tool_calls, last.usage) == ("tool_calls", None, 7)


def test_a_call_that_is_complete_lets_the_next_one_pass_at_once() -> None:
    stream = iter(InTurn(iter([chunk(call(0, A, name="Read", id="1")), chunk(call(1, '{"p', name="Edit", id="2"))])))
    assert blocks([next(stream), next(stream)]) == [("Read", A), ("Edit", '{"p')]


def test_calls_of_one_index_are_told_apart_by_their_ids() -> None:
    rows = read(chunk(call(0, A, name="Read", id="1")), chunk(call(0, B, name="Read", id="2")), chunk(finish="stop"))
    assert blocks(rows) == [("Read", A), ("Read", B)]


def test_a_call_that_is_named_in_each_of_its_pieces_is_one_call() -> None:
    rows = [
        chunk(call(0, A[:5], name="Read", id="1")),
        chunk(call(0, A[5:], name="Read", id="1")),
        chunk(call(1, B, name="Edit", id="2")),
        chunk(finish="tool_calls"),
    ]
    assert blocks(read(*rows)) == [("Read", A), ("Edit", B)]


def test_a_stop_behind_calls_is_the_end_of_a_turn_with_calls() -> None:
    *_, last = read(chunk(call(0, A, name="Read", id="1")), chunk(finish="stop"))
    assert last.choices[0].finish_reason == "tool_calls"
    *_, last = read(chunk(content="so"), chunk(finish="stop"))
    assert last.choices[0].finish_reason == "stop"


def test_what_comes_in_order_is_handed_on_as_it_is() -> None:
    rows = [
        chunk(content="I read."),
        chunk(call(0, "", name="Read", id="1")),
        chunk(call(0, A)),
        chunk(finish="tool_calls"),
    ]
    assert all(given is taken for given, taken in zip(rows, read(*rows), strict=True))


def test_a_text_inside_a_call_waits_for_its_end() -> None:
    rows = [
        chunk(call(0, A[:5], name="Read", id="1")),
        chunk(content="so"),
        chunk(call(0, A[5:])),
        chunk(finish="stop"),
    ]
    assert blocks(read(*rows)) == [("Read", A), ("text", "so")]


def test_chunks_without_choices_pass() -> None:
    usage = Has(choices=[], usage=3)
    assert read(usage) == [usage]


def test_it_is_asynchronous_too_and_keeps_what_the_stream_has() -> None:
    class Stream:
        chunks = ("kept",)

        async def __aiter__(self) -> Any:
            yield chunk(call(0, A, name="Read", id="1"), call(1, B, name="Edit", id="2"))

    async def rows() -> list[Any]:
        stream = InTurn(Stream())
        assert stream.chunks == ("kept",)
        return [row async for row in stream]

    assert blocks(anyio.run(rows)) == [("Read", A), ("Edit", B)]


ARGUMENTS = st.dictionaries(st.text(max_size=3), st.text(max_size=6), min_size=1, max_size=3).map(json.dumps)


@given(st.lists(ARGUMENTS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_however_the_pieces_are_mixed_each_call_is_whole(arguments: list[str], random: Any) -> None:
    waiting = {number: [text[at : at + 3] for at in range(0, len(text), 3)] for number, text in enumerate(arguments)}
    rows = [chunk(call(number, "", name=f"tool{number}", id=str(number))) for number in waiting]
    while waiting:
        number = random.choice(list(waiting))
        rows.append(chunk(call(number, waiting[number].pop(0))))
        if not waiting[number]:
            del waiting[number]
    expected = [(f"tool{number}", text) for number, text in enumerate(arguments)]
    assert blocks(read(*rows, chunk(finish="tool_calls"))) == expected
