"""An exchange: a request as Claude Code sends it, what the model says to it, and what must arrive on both sides.

The model's answer is written once, in no provider's format; the wires turn it into each one's stream. So one exchange
is tried at every provider that can have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .target import Target

__all__ = ["LOGIN", "Answer", "Call", "Exchange", "Failure", "Redacted", "Text", "Thinking", "Usage", "marker"]


LOGIN = "sk-ant-oat01-planted-" + "login" * 12  # of a subscription: for Anthropic's own host alone


@dataclass(frozen=True, slots=True)
class Text:
    """What the model says to the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model thinks; ``signature`` is the provider's seal, which has to come back unchanged."""

    text: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """Thinking that only its provider can read."""

    data: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. ``arguments`` is JSON as the model wrote it; empty is how some write `{}`."""

    name: str
    arguments: str
    id: str = ""


Part = Text | Thinking | Redacted | Call


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as Anthropic counts them: ``input`` is what came from no cache."""

    input: int = 50
    output: int = 7
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal of the provider's: before an answer begins, or after ``after`` parts of it."""

    status: int
    message: str
    kind: str
    after: int | None = None
    retry_after: str = ""
    words: Mapping[str, str] = field(default_factory=dict)  # by target, instead of the message

    def at(self, target: Target) -> Failure:
        """Return it as a target says it."""
        return replace(self, message=self.words.get(target.name, self.message))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says.

    ``pieces`` is how it is cut: "words"; "characters", each argument of a call in single characters; "whole", each
    part in one chunk; "together", everything in one chunk; "alternating", the calls' arguments in turn. Some servers of
    chat completions: "repeated", a call's id and name in each of its pieces; "unnumbered", every call of index 0;
    "unnamed", calls without ids.

    :param finish: why it stopped, in the wrong words: some say `stop` where a tool is called
    """

    parts: tuple[Part, ...] = (Text("Hello from upstream"),)
    stop: str = ""  # as Anthropic names it; by default what the parts suggest
    usage: Usage = field(default_factory=Usage)
    pieces: str = "words"
    failure: Failure | None = None
    finish: str = ""

    @property
    def stop_reason(self) -> str:
        """Why the model stopped."""
        return self.stop or ("tool_use" if any(isinstance(part, Call) for part in self.parts) else "end_turn")

    @property
    def calls(self) -> tuple[Call, ...]:
        """The tool calls, in order."""
        return tuple(part for part in self.parts if isinstance(part, Call))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. ``name`` is a slug; ``what`` says what has to hold, as a sentence.

    :param targets: which providers can have it; by default all
    :param reached: looks at what came to the provider, as its JSON, and yields what is wrong with it
    :param received: looks at what the client got, and yields what is wrong with it
    :param lost: texts of the request that need not reach a provider (what it cannot take, with a reason in the test)
    :param status: the status that the client must get
    """

    name: str
    topic: str
    what: str
    request: Mapping[str, Any]
    answer: Answer = field(default_factory=Answer)
    targets: Callable[[Target], bool] = lambda _: True
    reached: Callable[[Target, Mapping[str, Any]], Sequence[str]] = lambda *_: ()
    received: Callable[[Target, Mapping[str, Any]], Sequence[str]] = lambda *_: ()
    headers: Mapping[str, str] = field(default_factory=dict)
    login: bool = False  # the client is logged in with a subscription
    path: str = "/v1/messages"
    status: int = 200
    leaves_after: int = 0  # the client goes away after so many events; 0: it stays
    plain: bool = False  # only what stands in ``reached`` and ``received`` is looked at
    profile: Mapping[str, Any] | None = None  # of the client; see `profiles` for the names in it
    refused_by: tuple[str, Failure | Answer] | None = None  # another target, which refuses this exchange, and how


def marker(name: str) -> str:
    """Return the words by which the stub knows which exchange a request belongs to."""
    return f"exchange({name})"
