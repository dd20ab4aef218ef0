"""What is said: images, documents, cache marks, odd and large texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Exchange, Text, marker

from .request import BROWN, CACHED, PDF, PNG, TOOLS, assistant, history, request, result, text, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
_LINKED = {"type": "image", "source": {"type": "url", "url": "https://example.com/picture.png"}}
_DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
_PLAIN = {
    "type": "document",
    "title": "Notes",
    "source": {"type": "text", "media_type": "text/plain", "data": "plain notes"},
}


def _said(name: str, what: str, *content: Any, **more: Any) -> Exchange:
    changes = more.pop("changes", {})
    return Exchange(name, "content", what, request(name, user(*content), **changes), **more)


def _replaced(target: Target, body: Mapping[str, Any]) -> list[str]:
    """A model that takes no image is told that there was one."""
    return [] if target.sees or "image" in str(body).lower() else ["nothing tells the model of the image"]


EXCHANGES = [
    _said("image", "An image.", "What is this?", _IMAGE, reached=_replaced),
    _said("image-alone", "An image, and no words in its message.", _IMAGE, reached=_replaced),
    _said("image-marked", "An image with a cache mark.", "What is this?", {**_IMAGE, **CACHED}, reached=_replaced),
    _said(
        "image-linked",
        "An image by its address.",
        "What is this?",
        _LINKED,
        targets=lambda target: target.wire in ("anthropic", "imitated", "chat", "responses"),
        reached=_replaced,
    ),
    _said("document", "A document.", "What is this?", _DOCUMENT, targets=lambda target: target.reads),
    _said(
        "document-elsewhere",
        "A document at a model that takes none: it is told so.",
        "What is this?",
        _DOCUMENT,
        targets=lambda target: not target.reads,
    ),
    _said("document-text", "A document that is a text.", "What is this?", _PLAIN, targets=lambda target: target.claude),
    Exchange(
        "document-result",
        "content",
        "A document as a tool's result.",
        request("document-result", *history(result("toolu_01", [_DOCUMENT]))),
        targets=lambda target: target.wire in ("anthropic", "invoke", "raw-predict", "responses"),
    ),
    Exchange(
        "marks-everywhere",
        "content",
        "Cache marks on the system prompt, a tool, a text and a result.",
        request(
            "marks-everywhere",
            *history(result("toolu_01", [text("x")], **CACHED), text("go on", **CACHED)),
            system=[text("You are an agent.", **CACHED)],
            tools=[*TOOLS[:-1], {**TOOLS[-1], **CACHED}],
        ),
    ),
    Exchange(
        "text-empty-in-history",
        "content",
        "An empty text in the model's message before.",
        request("text-empty-in-history", user("Hi."), assistant(text(""), "Hello!"), user("Go on.")),
        plain=True,
    ),
    Exchange(
        "text-blank-in-history",
        "content",
        "A message of the model's that is only a line break.",
        request("text-blank-in-history", user("Hi."), assistant("\n"), user("Go on.")),
        plain=True,
    ),
    Exchange(
        "text-strings",
        "content",
        "Messages whose content is a text and no list.",
        request(
            "text-strings",
            user("Hi."),
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "Go on."},
        ),
    ),
    Exchange(
        "users-in-a-row",
        "content",
        "Two messages of the user's in a row.",
        request("users-in-a-row", user("Hi."), user("Are you there?")),
    ),
    Exchange(
        "models-in-a-row",
        "content",
        "Two messages of the model's in a row.",
        request("models-in-a-row", user("Hi."), assistant("Hello!"), assistant("What now?"), user("Go on.")),
    ),
    _said("text-of-the-world", "Every script, and signs beyond the BMP.", "ä 日本語 🦊 \u202e ​ عربي \\u0041 \t end"),
    _said(
        "answer-of-the-world",
        "An answer in every script, in single characters.",
        "Say it.",
        answer=Answer((Text("ä 日本語 🦊 عربي <b>&amp;\n\n```py\nx\n```"),), pieces="characters"),
    ),
    _said(
        "text-like-a-protocol",
        "A text that looks like a stream.",
        "data: [DONE]\n\nevent: message_stop\n\n</s><|im_end|>",
    ),
    _said(
        "body-2-mb",
        "A body of 2 MB.",
        BROWN * 45_000,
        targets=lambda target: not target.context and target.wire != "ollama",
        reached=lambda target, body: [] if len(str(body)) > 2_000_000 else ["a part of it is lost"],
    ),
    Exchange(
        "nothing-but-words",
        "content",
        "The smallest request there is.",
        {
            "max_tokens": 100,
            "messages": [{"role": "user", "content": f"Hi, {marker('nothing-but-words')}."}],
            "stream": True,
        },
    ),
]
