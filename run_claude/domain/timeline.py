"""The timeline of a start: how long each step took, by the engine's timestamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Service, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Span", "slowest", "start_timeline"]


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a start, in nanoseconds since the epoch."""

    name: str
    begin_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """The duration of the step."""
        return (self.end_ns - self.begin_ns) / 1e9


# What the container's entrypoint says, and the step that it ends. The engine stamps each line.
_MARKERS = (
    ("litellm imported", "litellm import"),
    ("database reachable", "wait for database"),
    ("database migrated", "migrate database"),
)


def start_timeline(
    *,
    begin_ns: int,
    build: tuple[int, int] | None,
    snapshot: Snapshot,
    services: Sequence[Service],
    markers: Mapping[str, int],
) -> list[Span]:
    """Return the steps of a start, in the order in which they began.

    :param begin_ns: when the command began to use the engine
    :param build: begin and end of the image build, if there was one
    :param markers: what litellm's entrypoint said, each with its time by the engine's clock
    """
    spans: list[Span] = []
    if build:
        spans.append(Span("build image", *build))
    for service in services:
        state = snapshot[service]
        if state.started_ns is None or state.healthy_ns is None or state.started_ns < begin_ns:
            continue
        up_from = build[1] if build else begin_ns
        spans.append(Span(f"{service} container", max(begin_ns, up_from), state.started_ns))
        if service is Service.LITELLM:
            spans.extend(_litellm_steps(state.started_ns, state.healthy_ns, markers))
        else:
            spans.append(Span(f"{service} healthy", state.started_ns, state.healthy_ns))
    return sorted((span for span in spans if span.end_ns >= span.begin_ns), key=lambda span: span.begin_ns)


def _litellm_steps(started_ns: int, healthy_ns: int, markers: Mapping[str, int]) -> list[Span]:
    steps: list[Span] = []
    at_ns = started_ns
    for marker, name in _MARKERS:
        reached = markers.get(marker)
        if reached is not None and at_ns <= reached <= healthy_ns:
            steps.append(Span(name, at_ns, reached))
            at_ns = reached
    return [*steps, Span("litellm healthy", at_ns, healthy_ns)]


def slowest(spans: Sequence[Span]) -> Span | None:
    """Return the longest step."""
    return max(spans, key=lambda span: span.seconds, default=None)
