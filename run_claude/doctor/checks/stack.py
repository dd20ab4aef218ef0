"""Check the stack: image, volume, containers, drift, the watcher, and an answer from the proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.catalogue import DEMO, load_catalogue
from run_claude.config.secrets import read_master_key
from run_claude.config.settings import Prisma
from run_claude.deploy.image import litellm_image
from run_claude.doctor.checks.stored import stored_findings
from run_claude.doctor.findings import Finding, Mark, failed
from run_claude.domain.compose import COMPOSE_FILE
from run_claude.domain.diagnosis import ProbeStages, first_failing_stage, service_failure, stranger
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.volume import misfit
from run_claude.errors import RunClaudeError
from run_claude.stack.bases import moved_bases
from run_claude.stack.drift import drift as drift_of
from run_claude.stack.evidence import log_of_service
from run_claude.stack.preflight import look_into, volume_name
from run_claude.stack.status import PRISMA_LABEL, services_of
from run_claude.state import lock
from run_claude.state.watch_memory import load_memory

if TYPE_CHECKING:
    from run_claude.doctor.context import Context
    from run_claude.domain.lifecycle import ServiceState

__all__ = ["answer", "containers", "drift", "image", "volume", "watch"]

_REASONS = {
    Phase.EXITED: "died",
    Phase.RESTARTING: "looping",
    Phase.UNHEALTHY: "unhealthy",
    Phase.CREATED: "not-started",
    Phase.PAUSED: "paused",
}


async def image(context: Context) -> list[Finding]:
    """Check that the proxy's image is built and the database's is pulled."""
    if not await context.reachable():
        return [_skipped("image")]
    settings, api = context.settings, await context.api()
    if not (settings.paths.services / COMPOSE_FILE).is_file():
        return [_skipped("image", "the files to build it from are not written yet")]
    reference = litellm_image(settings)
    there = await api.image(reference)
    facts = {"image": reference}
    if there is None:
        return [
            Finding(
                check="image",
                mark=Mark.FAILED if context.wanted else Mark.NOTE,
                text=f"{reference} is not built",
                help="Run `run-claude proxy build`, or start the stack: both build it.",
                code="image-missing" if context.wanted else "",
                repair="image",
                facts=facts,
            )
        ]
    prisma = there.labels.get(PRISMA_LABEL, settings.prisma)
    facts["prisma"] = prisma
    text = f"{reference}, {there.size / 1e6:.0f} MB, with {Prisma(prisma).words}"
    if context.database and await api.image(settings.timescaledb_image) is None:
        text += f"; {settings.timescaledb_image} will be pulled by the next start"
    moved = [Finding(check="image", mark=Mark.NOTE, text=words) for words in await moved_bases(context.session)]
    return [Finding(check="image", mark=Mark.OK, text=text, facts=facts), *moved]


async def volume(context: Context) -> list[Finding]:
    """Check that the database's volume fits its image."""
    if not await context.reachable():
        return [_skipped("volume")]
    settings, api = context.settings, await context.api()
    name = volume_name(settings)
    if not await api.has_volume(name):
        return [Finding(check="volume", mark=Mark.OK, text="no data yet; the first start with a database creates it")]
    database = (await context.snapshot()).timescaledb
    if database.phase is Phase.HEALTHY and database.image == settings.timescaledb_image:
        return [Finding(check="volume", mark=Mark.OK, text=f"{name}, in use by a healthy database")]
    held, image = await look_into(api, settings, settings.timescaledb_image)
    if held is None or image is None:
        return [Finding(check="volume", mark=Mark.OK, text=name)]
    if (error := misfit(name, held, image)) is not None:
        return [failed("volume", error)]
    return [Finding(check="volume", mark=Mark.OK, text=f"{name} {held.words}")]


async def containers(context: Context) -> list[Finding]:
    """Check that what should run is running; if not, say why."""
    if not await context.reachable():
        return [_skipped("containers")]
    snapshot = await context.snapshot()
    found = [failed("containers", stranger(*foreign)) for foreign in snapshot.strangers]
    for service in services_of(context.database):
        state = snapshot[service]
        if state.phase in (Phase.HEALTHY, Phase.STARTING):
            found.append(Finding(check="containers", mark=Mark.OK, text=f"{service} is {state.phase}"))
        elif not context.wanted and state.phase in (Phase.ABSENT, Phase.EXITED):
            why = "as you wanted" if context.intent else "not started yet"
            found.append(Finding(check="containers", mark=Mark.OK, text=f"{service} is {state.phase}, {why}"))
        else:
            found.append(await _not_running(context, service, state))
    return found


async def _not_running(context: Context, service: Service, state: ServiceState) -> Finding:
    """Return why a service is not running, with a repair if a start can fix it."""
    if state.phase in (Phase.ABSENT, Phase.REMOVING):
        return Finding(
            check="containers",
            mark=Mark.FAILED,
            text=f"{service} is {state.phase}, but should be running",
            help="Start it with `run-claude proxy start`.",
            code="container-removed",
            repair="start",
        )
    log = await log_of_service(context.session, service, await context.snapshot())
    error = service_failure(service, _REASONS.get(state.phase, "died"), state, log)
    if not error.code.startswith("container-"):
        return failed("containers", error)
    # Its log has no cause: it ended by itself or was stopped, and may be started again.
    ended = f" (exit code {state.exit_code})" if state.exit_code is not None else ""
    return Finding(
        check="containers",
        mark=Mark.FAILED,
        text=f"{service} is {state.phase}{ended}{', but should be running' if context.wanted else ''}",
        help=error.help if state.phase is Phase.PAUSED else "Start it with `run-claude proxy start`.",
        code=error.code,
        repair="start" if context.wanted and state.phase in (Phase.EXITED, Phase.CREATED) else "",
        facts=error.facts,
    )


async def drift(context: Context) -> list[Finding]:
    """Check that what is running matches the current configuration."""
    if not await context.reachable():
        return [_skipped("drift")]
    planned, snapshot = context.plan(), await context.snapshot()
    if planned is None or not any(snapshot[service].id for service in Service):
        return [Finding(check="drift", mark=Mark.OK, text="nothing is running")]
    differs = drift_of(context.settings, planned, snapshot)
    if not differs:
        return [Finding(check="drift", mark=Mark.OK, text="the running stack is up to date")]
    help = "Run `run-claude proxy start` to apply it."
    repair = "start" if context.wanted else ""
    mark = Mark.FAILED if context.wanted else Mark.NOTE
    return [Finding(check="drift", mark=mark, text=text, help=help, repair=repair) for text in differs]


async def watch(context: Context) -> list[Finding]:
    """Check whether a watcher is running, and whether it is blocked."""
    paths = context.settings.paths
    holder = lock.holder_of(paths.watch_lock_file)
    block = load_memory(paths.watch_file).block
    if holder and block is not None:
        text = f"{holder} is blocked: {block.message}"
        return [Finding(check="watch", mark=Mark.FAILED, text=text, help=block.help, code=block.code)]
    if holder:
        return [Finding(check="watch", mark=Mark.OK, text=f"{holder} is running")]
    text = "no watcher is running; Docker restarts what exits, `run-claude watch` heals more"
    return [Finding(check="watch", mark=Mark.OK, text=text)]


async def answer(context: Context) -> list[Finding]:
    """Ask the proxy as a client does, as far as that is free: with `demo`, up to the answer of a model."""
    if not await context.reachable():
        return [_skipped("answer")]
    snapshot = await context.snapshot()
    if not snapshot.litellm.running:
        return [_skipped("answer", "the proxy is not running")]
    from run_claude.gateway import Gateway

    settings = context.settings
    planned = context.plan()
    uses_database = planned.database if planned else False
    try:
        async with Gateway.connect(settings.base_url, read_master_key(settings)) as gateway:
            readiness = await gateway.readiness()
            names = await gateway.models()
            levels = ProbeStages(
                answer=200 if readiness.ready else 503,
                database=readiness.database,
                uses_database=uses_database,
                models=len(names),
            )
            level, why = first_failing_stage(levels)
            if level:
                return [
                    Finding(
                        check="answer",
                        mark=Mark.FAILED,
                        text=f"{settings.base_url}: {why}",
                        help="See `run-claude proxy logs` for the reason; `run-claude proxy restart` starts it again.",
                        code="container-unhealthy",
                        facts={"level": level},
                    )
                ]
            version = f", LiteLLM {readiness.version}" if readiness.version else ""
            text = f"{settings.base_url} answers{version}, {len(names)} models"
            if uses_database:
                text += ", database connected"
            model = load_catalogue(settings.paths).profile(DEMO).role("haiku")
            if model in names:
                await gateway.message(
                    model, "Say hello.", max_tokens=16
                )  # the proxy answers itself: no provider is asked
                text += ", and the demo model answers a message"
            stored = stored_findings(await gateway.stored())
            return [Finding(check="answer", mark=Mark.OK, text=text), *stored]
    except RunClaudeError as error:
        return [failed("answer", error, repair="start" if error.code == "gateway-key" else "")]


def _skipped(check: str, why: str = "the engine does not answer") -> Finding:
    return Finding(check=check, mark=Mark.SKIPPED, text=why)
