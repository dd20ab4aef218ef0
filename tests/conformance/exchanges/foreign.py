"""Conversations that began elsewhere: what other models and servers leave in them, and what clients cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange

from .request import assistant, call, history, request, result, text, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_A = Call("Read", '{"file_path": "/a"}')
# As LiteLLM writes an id of Gemini's: with the seal of the thought that led to the call.
_SEALED_ID = "call_1a2b3c4d5e6f4a5b8c9d0e1f2a3b__thought__" + "Eq4BCqsB+/AbC=" * 60
_FOUND = {
    "type": "web_search_result",
    "url": "https://example.com/found",
    "title": "Found it",
    "encrypted_content": "x",
}
_SEARCHED = (
    {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {"query": "it"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01", "content": [_FOUND]},
)
_CITED = {
    "type": "web_search_result_location",
    "url": "https://example.com/found",
    "title": "Found it",
    "encrypted_index": "x",
    "cited_text": "it",
}
_SOURCE = {
    "type": "search_result",
    "source": "https://example.com/doc",
    "title": "A document",
    "content": [text("planted passage")],
    "citations": {"enabled": True},
}


def _foreign(name: str, what: str, *messages: dict[str, Any], **more: Any) -> Exchange:
    changes = more.pop("changes", {})
    return Exchange(name, "foreign", what, request(name, *messages, **changes), **more)


def _says(words: str) -> Any:
    def reached(_: Target, body: Mapping[str, Any]) -> list[str]:
        return [] if words in str(body) else [f"{words!r} is lost"]

    return reached


EXCHANGES = [
    _foreign(
        "ids-repeated",
        "A server that counts its calls anew in each turn: two of them have one id.",
        user("Look."),
        assistant(call("call_0", "Bash", command="ls")),
        user(result("call_0", "a.txt")),
        assistant(call("call_0", "Read", file_path="/a.txt")),
        user(result("call_0", "alpha")),
        answer=Answer((_A,)),
    ),
    _foreign(
        "ids-sealed",
        "Ids of Gemini's calls, as LiteLLM writes them: long, and with signs that others do not take.",
        user("Look."),
        assistant("I will.", call(_SEALED_ID, "Bash", command="ls"), call("x" * 70, "Bash", command="pwd")),
        user(result(_SEALED_ID, "a.txt"), result("x" * 70, "/w")),
        targets=lambda target: target.wire != "gemini",  # there the seal has to be one of Gemini's own
    ),
    _foreign(
        "ids-without-letters",
        "Ids with signs that not everybody takes.",
        user("Look."),
        assistant(call("call|0:Bash/1.0=", "Bash", command="ls"), call("é 7", "Bash", command="pwd")),
        user(result("é 7", "/w"), result("call|0:Bash/1.0=", "a.txt")),
    ),
    _foreign(
        "search-back",
        "A search that Anthropic's servers made: those who have none get what was found as words, and refuse nothing.",
        user("Look it up."),
        assistant(*_SEARCHED, text("It is so.", citations=[_CITED])),
        user("Go on."),
        reached=_says("Found it"),
    ),
    _foreign(
        "search-result",
        "A passage of a document, as a block of its own, and in a result.",
        *history(result("toolu_01", [_SOURCE]), _SOURCE),
        plain=True,
        reached=_says("planted passage"),
    ),
    _foreign(
        "half-a-sign",
        "A text and a result that were cut within a sign.",
        *history(result("toolu_01", "a fox \ud83e"), "cut: \udd8a planted"),
        plain=True,
        reached=_says("planted"),
    ),
    _foreign(
        "half-a-sign-called",
        "The same in the arguments of a call, and in the system prompt.",
        user("Write."),
        assistant(call("toolu_01", "Bash", command="echo \ud83e planted")),
        user(result("toolu_01", "x")),
        changes={"system": [text("You are an agent. \ud83e")]},
        plain=True,
        reached=_says("planted"),
    ),
    _foreign(
        "blank-texts",
        "Empty and blank texts among the user's, and one as a result.",
        user("Read."),
        assistant(text(""), call("toolu_01", "Read", file_path="/a")),
        user(result("toolu_01", [text("")]), text(""), text(" \n"), "Go on."),
        plain=True,
        reached=_says("Go on."),
    ),
    _foreign(
        "prefill",
        "The beginning of an answer, which the model is to go on with.",
        user("Write a number."),
        {"role": "assistant", "content": "The number is"},
        changes={"tools": None},
        targets=lambda target: not target.claude,  # Claude refuses it, and says why
        reached=_says("The number is"),
    ),
]
