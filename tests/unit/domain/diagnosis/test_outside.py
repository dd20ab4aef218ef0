"""Nothing from outside is evidence: requests, providers' errors and models' answers made of our own patterns.

Ten thousand of them, built from the tables of patterns themselves: in the logs of both services, in what Compose and
the engine print, and in events. No cause, no step of the waterfall and no decision of the watcher may change.
"""

from __future__ import annotations

import json
import random
import re
from functools import cache
from itertools import chain
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.docker.inspect import container_event
from run_claude.domain.diagnosis import (
    compose,
    compose_failure,
    database_log,
    proxy_log,
    pull,
    rules,
    service,
    service_failure,
)
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.domain.marks import BEGINS, SERVES, marks_at, seal
from run_claude.domain.supervision import Act, Do, decide
from run_claude.domain.supervision_memory import Memory, Policy, noticed
from run_claude.domain.timeline import start_timeline
from run_claude.watch.healer import is_recoverable
from tests.marks import KEY, begun, mark, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.domain.diagnosis.log import Evidence

COUNT = 10_000
AT_ONCE = 100  # lines of one log
RNG = random.Random(15)  # noqa: S311 (the same each time)

ERRORS = [pattern for pattern, *_ in service._MARKS]
PATTERNS = [pattern for readings in service._READINGS.values() for pattern, *_ in readings] + ERRORS
PATTERNS += [rule.pattern for rule in rules.RULES] + [compose._PORT, pull._PULL]
PATTERNS += [failure.pattern for failure in pull._FAILURES]
OURS = ["litellm imported", "database reachable", "database migrated", "migrating the database", BEGINS, SERVES]

PREFIXES = [  # of each who may speak in a log
    "",
    "run-claude: ",
    "run-claude: error: ",
    "run-claude: error: callback x: ",
    "Error: ",
    "FATAL:  ",
    "PANIC:  could not write: ",
    "prisma.errors.PrismaError: ",
    "OSError: [Errno 28] ",
    "21:03:11 - LiteLLM Proxy:ERROR: proxy_server.py:812 - ",
    'INFO:     127.0.0.1:40000 - "GET /',
    "LiteLLM:DEBUG: ",
    "DETAIL:  ",
    "#12 3.456 ",
]
BREAKS = ["\n", "\r\n", "\r", "\x1b[2K\r", "\x1b[31m", "\u2028", "\x85", " ", "\x0b", "\n\n"]
SEALS = ["", f" [{'0' * 16}]", f" [{seal('error: y', KEY)}]", f" [{seal('error: y', 'sk-other')}]", " []"]


def text_of(pattern: str) -> str:
    """Return a text that a regular expression matches."""
    return "".join(_parts(_parsed(pattern)))


@cache
def _parsed(pattern: str) -> Any:
    return parser.parse(pattern)


def _parts(tree: Any) -> Iterator[str]:
    for kind, value in tree:
        match kind:
            case kinds.LITERAL:
                yield chr(value)
            case kinds.ANY | kinds.NOT_LITERAL:
                yield RNG.choice("abc /:")
            case kinds.IN:
                yield _one_of(value)
            case kinds.BRANCH:
                yield from _parts(RNG.choice(value[1]))
            case kinds.SUBPATTERN:
                yield from _parts(value[3])
            case kinds.MAX_REPEAT | kinds.MIN_REPEAT:
                low, high, inner = value
                for _ in range(RNG.randint(low, min(int(high), low + 3))):
                    yield from _parts(inner)
            case _:  # where it stands, and what must not follow
                pass


def _one_of(choices: Any) -> str:
    kind, value = RNG.choice([choice for choice in choices if choice[0] is not kinds.NEGATE])
    match kind:
        case kinds.LITERAL:
            return chr(value) if choices[0][0] is not kinds.NEGATE else "z"
        case kinds.RANGE:
            return chr(RNG.randint(*value))
        case _:
            return {kinds.CATEGORY_DIGIT: "7", kinds.CATEGORY_SPACE: " "}.get(value, "w")


def forged() -> str:
    """Return what somebody outside would like to have in a log."""
    said = text_of(RNG.choice(PATTERNS)) if RNG.random() < 0.8 else f"run-claude: {RNG.choice(OURS)}"
    return f"{RNG.choice(BREAKS)}{RNG.choice(PREFIXES)}{said}{RNG.choice(SEALS)}{RNG.choice(BREAKS)}"


def printed(text: str) -> list[str]:
    """Return lines in which the proxy prints a text from outside, as requests, errors and answers stand in its log."""
    frame = RNG.randrange(4)
    if frame == 0:  # LiteLLM's access log quotes what is in a path
        return [f'INFO:     127.0.0.1:40000 - "GET /{text!r} HTTP/1.1" 401 Unauthorized']
    if frame == 1:
        text = f"21:03:11 - LiteLLM Proxy:ERROR: common.py:1 - litellm.APIError: OpenAIException - {text}\nTraceback:"
    elif frame == 2:
        text = f"{json.dumps({'error': {'message': text}})}\n{text}"
    return text.split("\n")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    assert all(re.search(pattern, text_of(pattern)) for pattern in ERRORS for _ in range(3)), "they would be believed"
    return [forged() for _ in range(COUNT)]


@pytest.fixture(scope="module")
def lines(texts: list[str]) -> list[list[str]]:
    """Return logs of a proxy that hold all of it."""
    rows = [printed(text) for text in texts]
    return [list(chain(*rows[at : at + AT_ONCE])) for at in range(0, COUNT, AT_ONCE)]


STATES = [
    ("looping", ServiceState(phase=Phase.RESTARTING, id="a", name="x-litellm", exit_code=1, restarts=3)),
    ("died", ServiceState(phase=Phase.EXITED, id="a", name="x-litellm", exit_code=137)),
    ("unhealthy", ServiceState(phase=Phase.UNHEALTHY, id="a", name="x-litellm", health_output="no answer")),
]


def decision(of: Service, log: Evidence) -> list[tuple[str, str, str, bool]]:
    """Return what is told and done: code, message, help, and whether the watcher goes on healing."""
    errors = [service_failure(of, reason, state, log) for reason, state in STATES]
    return [(error.code, error.message, error.help, is_recoverable(error)) for error in errors]


CRASH = ["Traceback (most recent call last):", "RuntimeError: it crashed"]


def test_what_the_proxy_prints_of_others_after_it_serves_changes_no_cause(lines: list[list[str]]) -> None:
    told = decision(Service.LITELLM, proxy_log(served(*CRASH), KEY))
    assert [(code, heals) for code, _, _, heals in told] == [
        ("container-looping", True),
        ("container-died", True),
        ("container-unhealthy", True),
    ]
    for forged_lines in lines:
        assert decision(Service.LITELLM, proxy_log(served(*forged_lines, *CRASH), KEY)) == told
        assert decision(Service.LITELLM, proxy_log([*served(*forged_lines), *begun()], KEY)) == told, "it runs anew"


def test_it_changes_no_cause_either_where_the_log_has_lost_its_beginning(lines: list[list[str]]) -> None:
    told = decision(Service.LITELLM, proxy_log(CRASH, KEY))
    for forged_lines in lines:
        assert decision(Service.LITELLM, proxy_log([*forged_lines, *CRASH], KEY)) == told


def test_the_cause_that_the_entrypoint_names_stays_the_cause(lines: list[list[str]]) -> None:
    own = [mark(BEGINS), mark("error: callback a.b: ImportError: c")]
    told = decision(Service.LITELLM, proxy_log(own, KEY))
    assert told[0][0] == "callback-not-found"
    for forged_lines in lines:
        assert decision(Service.LITELLM, proxy_log([*served(*forged_lines), *own], KEY)) == told


def test_what_clients_send_to_the_database_changes_no_cause(texts: list[str]) -> None:
    said = "2026-11-28 21:03:11.123 UTC [77] "
    own = [f"{said}LOG:  database system is ready to accept connections", f"{said}LOG:  server process was terminated"]
    told = decision(Service.TIMESCALEDB, database_log(own))
    rows = []
    for text in texts:
        tabbed = text.replace("\n", "\n\t")  # as PostgreSQL writes each further line of a message
        severity = RNG.choice(["ERROR", "STATEMENT", "WARNING", "DETAIL", "CONTEXT", "LOG"])
        message = tabbed if severity != "ERROR" else f'syntax error at or near "{tabbed}"'
        rows.append(f"{said}{severity}:  {message}".split("\n"))
    for at in range(0, COUNT, AT_ONCE):
        assert decision(Service.TIMESCALEDB, database_log([*own, *chain(*rows[at : at + AT_ONCE])])) == told


def test_no_line_from_outside_is_a_step_of_the_waterfall(lines: list[list[str]]) -> None:
    for forged_lines in lines:
        stamped = [(at, line) for at, line in enumerate(forged_lines, start=1)]
        assert marks_at(stamped, KEY) == {}
    started = ServiceState(phase=Phase.HEALTHY, id="a", started_ns=10, healthy_ns=90)
    own = [(20, mark("litellm imported"))]
    spans = [
        start_timeline(
            begin_ns=5,
            build=None,
            snapshot=Snapshot(litellm=started),
            services=[Service.LITELLM],
            markers=marks_at(rows, KEY),
        )
        for rows in (own, [*own, (30, "run-claude: litellm imported"), (40, mark("litellm imported", "sk-other"))])
    ]
    assert spans[0] == spans[1]


def test_what_a_command_or_a_build_step_prints_changes_no_error_of_compose(texts: list[str]) -> None:
    ended = 'failed to solve: process "/bin/sh -c pip" did not complete successfully: exit code: 1'
    for command, end in (("exec timescaledb", "exit status 1"), ("build litellm", ended)):
        told = compose_failure(command, 1, end)
        for text in texts[::10]:
            prefix = "#12 3.456 pip: " if command.startswith("build") else "psql: "
            rows = [prefix + line for line in text.replace("[Errno 28]", "").split("\n")]
            error = compose_failure(command, 1, "\n".join([*rows, end]))
            assert (error.code, error.message) == (told.code, told.message), text


def test_no_text_in_an_event_changes_what_the_watcher_does(texts: list[str]) -> None:
    policy, now = Policy(), 1000.0
    snapshot = Snapshot(litellm=ServiceState(phase=Phase.EXITED, id="c0ffee", exit_code=1, finished_ns=1))
    expected = decide([Service.LITELLM], snapshot, noticed(Memory(), snapshot, [], policy, now), policy, now)
    assert isinstance(expected, Act)
    assert expected.do is Do.UP
    for text in texts:
        attributes = {"name": text, "image": text, "com.docker.compose.service": "litellm", "exitCode": text}
        raw = {"Type": "container", "Action": f"die{text}", "timeNano": 5, "Actor": {"ID": "c0ffee"}}
        raw["Actor"] = {"ID": "c0ffee", "Attributes": attributes}
        events = [event] if (event := container_event(raw)) else []
        memory = noticed(Memory(), snapshot, events, policy, now)
        assert decide([Service.LITELLM], snapshot, memory, policy, now) == expected


def test_a_container_of_the_release_before_tells_by_its_exit_code() -> None:
    log = proxy_log(["run-claude: entrypoint", "run-claude: error: callback a.b: ImportError: c"], KEY)
    refused = ServiceState(phase=Phase.RESTARTING, id="a", name="x-litellm", exit_code=3, restarts=3)
    assert service_failure(Service.LITELLM, "looping", refused, log).code == "litellm-config"
    assert log.shown[-1].endswith("callback a.b: ImportError: c"), "people are shown what it says"
