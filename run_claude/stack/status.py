"""What runs, in values and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config.addresses import exposed
from run_claude.config.settings import Prisma
from run_claude.deploy.plan import plan
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.remembered import OPTIONS, Origin
from run_claude.errors import ConfigError
from run_claude.stack.bases import moved_bases
from run_claude.stack.drift import drift
from run_claude.state import lock
from run_claude.state.deployed import is_deployed, load_deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.settings import Settings
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.stack.session import Session

__all__ = ["PRISMA_LABEL", "Status", "database_words", "services_of", "status_of", "url_of"]

PRISMA_LABEL = "run-claude.prisma"  # of the proxy's image, and of the container that is made of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What runs, and how it differs from what would be started now.

    :param services: those that are wanted, the database first
    :param endpoint: the engine's, as in ``DOCKER_HOST``
    :param profile: the one used last; empty before the first start
    :param wanted: ``up`` or ``down``; empty before the first start
    :param database: in words: does LiteLLM use it, and if not, why
    :param drift: in words, what a start would change; empty if nothing
    :param bases: which base images' tags are other images than before, in words
    :param broken: which of the user's files cannot be used, in words; what runs is what was started before
    :param unfinished: the command that was killed half-way, and that the next start finishes; empty if none was
    :param remembered: what the options of a start have said, by option
    :param exposed: in words, what can be reached from other machines
    :param watcher: the command that watches the instance, in words; empty if none does
    """

    settings: Settings
    snapshot: Snapshot
    services: tuple[Service, ...]
    endpoint: str
    profile: str
    wanted: str
    database: str
    drift: tuple[str, ...]
    watcher: str
    bases: tuple[str, ...] = ()
    broken: str = ""
    unfinished: str = ""
    remembered: Mapping[str, str] = field(default_factory=dict)
    exposed: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address at which the proxy runs; without one, that at which a start would have it."""
        published = self.snapshot.litellm.published if self.snapshot.litellm.running else ""
        return url_of(published) if published else self.settings.base_url


async def status_of(session: Session) -> Status:
    """Return what runs, and how it differs from what would be started now. Writes nothing.

    :raises EngineError: if the engine cannot be asked
    """
    settings, intent = session.settings, session.intent()
    snapshot = await session.look()
    database = intent.database if intent else snapshot.timescaledb.phase is not Phase.ABSENT
    planned, broken, paths = None, "", settings.paths
    if paths.applied_file.exists():
        try:
            planned = plan(settings, profile=None, database=database)  # some ms; a thread costs one more
        except ConfigError as error:
            broken = error.message
    uses = planned.database if planned is not None else is_deployed(paths) and load_deployment(paths).database
    left = None if session.busy() else session.unfinished()
    return Status(
        settings=settings,
        snapshot=snapshot,
        services=services_of(database),
        endpoint=session.endpoint.host,
        profile=intent.profile if intent else "",
        wanted=intent.wanted if intent else "",
        database=database_words(settings, snapshot, uses=uses),
        drift=tuple(drift(settings, planned, snapshot)) if planned else (),
        watcher=lock.holder_of(paths.watch_lock_file),
        bases=await moved_bases(session),
        broken=broken,
        unfinished=left.command if left is not None else "",
        exposed=tuple(exposed(settings)),
        remembered={
            OPTIONS[name]: word.value
            for name, word in settings.said.items()
            if settings.origins.get(name) is Origin.REMEMBERED
        },
    )


def url_of(published: str) -> str:
    """Return the URL for clients on this machine of what is published at an address: ``0.0.0.0:4444``."""
    host, _, port = published.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 (not bound here)
    return f"http://{host}:{port}"


def services_of(database: bool) -> tuple[Service, ...]:
    """Return the services that are wanted, with the database or without."""
    return (Service.TIMESCALEDB, Service.LITELLM) if database else (Service.LITELLM,)


def database_words(settings: Settings, snapshot: Snapshot, *, uses: bool) -> str:
    """Return whether LiteLLM uses the database, by which engines if not by those of npm, and if not, why.

    A running container says what its image has; the settings may have changed since.
    """
    if not snapshot.timescaledb.running:
        return "not running; LiteLLM keeps nothing" if snapshot.litellm.running else "not running"
    if not snapshot.litellm.running:
        return "runs; LiteLLM does not"
    image = snapshot.litellm.label(PRISMA_LABEL) or settings.prisma
    if uses and image != Prisma.OFF:
        return "used by LiteLLM" + (", by Prisma's native engines" if image == Prisma.NATIVE else "")
    if image == Prisma.OFF:
        return "runs beside LiteLLM, which does not use it (RUN_CLAUDE_PRISMA=off)"
    return "runs beside LiteLLM, which does not use it"
