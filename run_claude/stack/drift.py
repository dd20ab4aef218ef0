"""How what runs differs from what would be started now. A start and `status` ask the same question here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.deploy.container_files import fixed_files
from run_claude.deploy.initialize import is_initialized
from run_claude.deploy.prepare import unwritten
from run_claude.domain.lifecycle import Service
from run_claude.stack.other_release import other_release
from run_claude.state.applied import load_applied
from run_claude.state.delivered import undelivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.config.settings import Settings
    from run_claude.deploy.plan import Plan
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["drift"]


def drift(
    settings: Settings, planned: Plan, snapshot: Snapshot, services: Sequence[Service] = tuple(Service)
) -> list[str]:
    """Return what a start would change about the services' containers, in words; nothing for one that is not there.

    The first kind of difference is named, not what follows from it: with another key the files differ as well.

    :raises ConfigError: if a file cannot be read
    """
    there = [service for service in services if snapshot[service].id]
    if not there:
        return []
    if brought := other_release(settings, snapshot):
        return [brought]
    found, litellm = [], snapshot.litellm
    if Service.LITELLM in there and litellm.image != planned.image:
        found.append("the image's build inputs have changed")
    if Service.LITELLM in there and litellm.inputs != planned.inputs:
        found.append("the proxy's configuration or keys have changed")
    if found:
        return found
    last = load_applied(settings.paths.applied_file)
    if not all(last.made(service, snapshot) for service in there):
        return ["a container was made by something else than the last start"]
    if last.fingerprint != planned.fingerprint:
        return _moved(settings, snapshot, there) or ["settings or the compose file have changed"]
    if changed := unwritten(settings, planned):
        table = settings.paths.profiles_table
        return ["the profiles have changed" if path == table else f"{path} was changed or removed" for path in changed]
    given = undelivered(settings.paths.delivered_file, fixed_files(settings.paths, planned.project.variables, there))
    if given:
        return [f"what the containers read has changed: {', '.join(given)}"]
    return [] if is_initialized(settings) else ["files of this release of run-claude are not installed yet"]


def _moved(settings: Settings, snapshot: Snapshot, there: Sequence[Service]) -> list[str]:
    ports = {Service.LITELLM: settings.port, Service.TIMESCALEDB: settings.database_port}
    return [
        f"{service} is at {now}, and would be {f'at port {ports[service]}' if ports[service] else 'not published'}"
        for service in there
        if (now := snapshot[service].published) and not now.endswith(f":{ports[service]}")
    ]
