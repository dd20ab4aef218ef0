"""The ports of a new instance: where another instance of ours has the usual ones, it gets the next free pair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from run_claude.domain.remembered import VARIABLES, Origin
from run_claude.stack import holders
from run_claude.state.deployed import is_deployed, load_deployment
from run_claude.state.instance import as_remembered
from run_claude.state.instances import ports_of

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.stack.session import Session

__all__ = ["choose_ports"]

_TRIES = 100


async def choose_ports(session: Session) -> bool:
    """Choose the ports of an instance that was never started, and say so; a start remembers them as if said.

    Returns whether the session's settings have other ports now.

    Only where another instance of ours has one that nobody has asked for. What else listens there is named by the
    start, as ever: the user decides about it. Hold the lock.

    :raises EngineError: if the engine cannot be asked
    """
    settings = session.settings
    if session.intent() is not None:
        return False
    wanted = {"port": settings.port}
    if settings.database_port is not None:
        wanted["database_port"] = settings.database_port
    free = {name: port for name, port in wanted.items() if _is_usual(settings, name)}
    owners = await anyio.to_thread.run_sync(ports_of, settings.paths)
    for port in free.values():
        if port not in owners and (other := await session.api.instance_on(port)) not in ("", settings.instance):
            owners[port] = other
    taken = {port: owners[port] for port in free.values() if port in owners}
    if not taken:
        return False
    avoided = {*owners, *(wanted[name] for name in wanted.keys() - free)}
    chosen = _next_pair(settings, free, avoided, await anyio.to_thread.run_sync(_own, settings))
    if chosen is None:
        return False  # the start says what is taken
    asked = {**settings.asked, **{name: str(port) for name, port in chosen.items()}}
    session.settings = as_remembered(replace(settings, asked=asked))
    theirs = " and ".join(f"{port} is {name}'s" for port, name in taken.items())
    ours = " and ".join(str(port) for port in chosen.values())
    session.reporter.note(f"Port {ours} for {settings.instance}, from now on: {theirs}.")
    return True


def _is_usual(settings: Settings, name: str) -> bool:
    """Whether a port is what every instance gets: nobody has asked for it, here and now."""
    of_the_file = settings.configured.get(name) == settings.lasting.get(name)
    return settings.origins.get(name) is Origin.DEFAULT or (
        settings.origins.get(name) is Origin.CONFIGURED and of_the_file
    )


def _own(settings: Settings) -> set[int]:
    """Return the ports of a database of this instance that was started by itself: it may hold them now."""
    if not is_deployed(settings.paths):
        return set()
    variables = load_deployment(settings.paths).project.variables
    return {int(variables[name]) for name in VARIABLES.values() if variables.get(name, "").isdigit()}


def _next_pair(settings: Settings, usual: dict[str, int], avoided: set[int], own: set[int]) -> dict[str, int] | None:
    """Return the next ports, as far above the usual ones as each other; ``None`` if none near are free."""
    for step in range(1, _TRIES):
        chosen = {name: port + step for name, port in usual.items()}
        if avoided.isdisjoint(chosen.values()) and all(
            port < 65536
            and (port in own or holders.is_free(settings.bind if name == "port" else settings.database_bind, port))
            for name, port in chosen.items()
        ):
            return chosen
    return None
