"""What of a container's log is evidence: who may have said a line, and when.

Of the proxy: the entrypoint's sealed marks, and what LiteLLM prints before it listens. Of the database: PostgreSQL's
own messages, where they are fatal, and what is printed without its prefix, which no client can: PostgreSQL begins each
message with a time and a process, and each further line of one with a tab.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Service
from run_claude.domain.marks import runs, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from run_claude.domain.marks import Run

__all__ = ["Evidence", "database_log", "proxy_log", "service_log"]

_POSTGRESQL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+ \[\d+\] (?P<severity>[A-Z]+[0-9]?):  (?P<text>.*)")
_FATAL = ("FATAL", "PANIC")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The end of a container's log.

    :param shown: what people are shown of it, without secrets
    :param marks: what the proxy's entrypoint said, of each run that counts, the newest first
    :param lines: what else counts, of each of these runs; beside PostgreSQL's messages without their prefix
    :param security: what the engine says that it confines containers with: ``selinux``, ``userns``, ``rootless``
    """

    shown: tuple[str, ...] = ()
    marks: tuple[tuple[str, ...], ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    security: frozenset[str] = frozenset()

    @property
    def newest(self) -> Sequence[str]:
        """What the entrypoint said in the newest run."""
        return self.marks[0] if self.marks else ()


def proxy_log(lines: Sequence[str], key: str, *, told: Callable[[str], str] = str) -> Evidence:
    """Return what counts of the proxy's log: the newest run, and the one before it if that is what failed.

    A container that is restarted again and again may have begun a run just now that says nothing yet. A run that has
    served tells nothing of why it ended: what it printed came from outside.

    :param key: the master key that the container was given
    :param told: takes the secrets out of a text
    """
    counted: list[Run] = []
    for run in runs(lines, key, told)[:2]:
        if run.served:
            break
        counted.append(run)
    shown = tuple(told(unsealed("\n".join(lines))).split("\n")) if lines else ()
    return Evidence(shown, tuple(tuple(run.marks) for run in counted), tuple(tuple(run.lines) for run in counted))


def database_log(lines: Sequence[str], *, told: Callable[[str], str] = str) -> Evidence:
    """Return what counts of the database's log."""
    shown = tuple(told("\n".join(lines)).split("\n")) if lines else ()
    return Evidence(shown, ((),), (tuple(_spoken(lines)),))


def service_log(service: Service, lines: Sequence[str], key: str, *, told: Callable[[str], str] = str) -> Evidence:
    """Return what counts of a service's log, see :func:`proxy_log` and :func:`database_log`."""
    return proxy_log(lines, key, told=told) if service is Service.LITELLM else database_log(lines, told=told)


def _spoken(lines: Iterable[str]) -> Iterable[str]:
    fatal = False
    for line in lines:
        if found := _POSTGRESQL.fullmatch(line):
            detail = fatal and found["severity"] == "DETAIL"
            fatal = found["severity"] in _FATAL
            if fatal or detail:
                yield f"{found['severity']}:  {found['text']}"
        elif not line.startswith(("\t", " ")):
            fatal = False
            yield line
