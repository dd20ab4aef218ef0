"""`run-claude proxy …`"""

from __future__ import annotations

from contextlib import closing
from typing import Any, Literal

import anyio
import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.remembered import OFF

__all__ = ["proxy"]


class _PortOrOff(click.ParamType[Any]):
    """A port, or ``off``."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["off"]:
        return "off" if value == OFF else int(_PORT.convert(value, param, ctx))


_PORT = click.IntRange(1, 65535)
_PORT_OR_OFF = _PortOrOff()
_SERVICES = click.Choice([service.value for service in Service])


@click.group()
@common
def proxy() -> None:
    """Start, stop and inspect the stack: LiteLLM and its database.

    \b
    run-claude proxy start
    run-claude proxy status
    run-claude proxy stop
    """


@proxy.command()
@click.argument("name", metavar="[PROFILE]", required=False, shell_complete=complete_profile)
@click.option(
    "--profile",
    metavar="NAME",
    shell_complete=complete_profile,
    help="Profile to serve. [default: the last one used]",
)
@click.option(
    "--db/--no-db", "database", default=None, help="Start with or without the database. [default: as last time]"
)
@click.option("--watch", is_flag=True, help="Keep watching the stack, and show transitions and logs.")
@click.option("--timeout", metavar="S", type=click.FloatRange(min=1), help="Seconds to wait for it to get healthy.")
@click.option("--port", metavar="PORT", type=_PORT, help="Port of the proxy, over LITELLM_PORT.")
@click.option("--db-port", metavar="PORT", type=_PORT_OR_OFF, help="Publish the database on this port; or `off`.")
@common
@click.pass_obj
async def start(
    app: App,
    name: str | None,
    profile: str | None,
    database: bool | None,
    watch: bool,
    timeout: float | None,
    port: int | None,
    db_port: int | Literal["off"] | None,
) -> None:
    """Start the stack and wait until it is healthy.

    The profile, --no-db, --port and --db-port are remembered for this instance, until a start says something else.
    With --watch, Ctrl-C ends the command and leaves the stack running.

    \b
    run-claude proxy start demo
    run-claude proxy start --no-db --port 4445
    """
    from run_claude.cli.views.stack import started
    from run_claude.stack import DEFAULT_TIMEOUT, Stack

    if name and profile not in (None, name):
        raise caused("usage", f"Two profiles are named: {name} and {profile}.", help="Name one.")
    settings = app.settings(port=port, database_port=db_port)
    with closing(app.reporter()) as reporter:
        async with Stack.open(settings, reporter=reporter) as stack:
            result = await stack.up(profile=name or profile, database=database, timeout=timeout or DEFAULT_TIMEOUT)
            reporter.close()
            started(app, stack.settings, result)
            if watch:
                app.lasting = True
                from run_claude.cli.views.watch_live import watch_stack

                await watch_stack(app, stack)


@proxy.command()
@click.option("--with-db", is_flag=True, help="Also stop the database.")
@click.option(
    "--all", "everything", is_flag=True, help="Also stop the database, and remove containers and network. Keeps data."
)
@common
@click.pass_obj
async def stop(app: App, with_db: bool, everything: bool) -> None:
    """Stop the proxy, but not the database. Data is never removed.

    \b
    run-claude proxy stop
    run-claude proxy stop --all
    """
    from run_claude.cli.views.stack import stopped
    from run_claude.stack import Stack

    settings = app.deployed_settings()
    with closing(app.reporter()) as reporter:
        async with Stack.open(settings, reporter=reporter) as stack:
            snapshot = await stack.down(database=with_db or everything, remove=everything)
    stopped(app, snapshot)


@proxy.command()
@click.option("--timeout", metavar="S", type=click.FloatRange(min=1), help="Seconds to wait for it to get healthy.")
@common
@click.pass_obj
async def restart(app: App, timeout: float | None) -> None:
    """Restart the proxy with a newly generated configuration. The database keeps running.

    \b
    run-claude proxy restart
    """
    from run_claude.cli.views.stack import started
    from run_claude.stack import DEFAULT_TIMEOUT, Stack

    with closing(app.reporter()) as reporter:
        async with Stack.open(app.deployed_settings(), reporter=reporter) as stack:
            result = await stack.restart(timeout=timeout or DEFAULT_TIMEOUT)
            reporter.close()
            started(app, stack.settings, result)


@proxy.command()
@common
@click.pass_obj
async def status(app: App) -> None:
    """Show what is running, and whether it is up to date.

    It is out of date when a start would now use another image, configuration, key or setting.

    \b
    run-claude proxy status
    run-claude proxy status --json | jq .services
    """
    from run_claude.cli.views.stack import status_screen
    from run_claude.stack import Stack

    settings = app.deployed_settings()
    async with Stack.open(settings) as stack:
        status_screen(app, await stack.status())


@proxy.command()
@click.option("--deep", is_flag=True, help="Call every model once. YOUR PROVIDERS CHARGE FOR THIS.")
@common
@click.pass_obj
async def health(app: App, deep: bool) -> int:
    """Ask the proxy whether it takes requests. Exits with 0 if it does. Free without --deep.

    \b
    run-claude proxy health && echo ready
    """
    from run_claude.cli.views.stack import health_screen
    from run_claude.config.secrets import read_master_key
    from run_claude.gateway import Gateway
    from run_claude.state.deployed import is_deployed, load_deployment

    settings = app.settings()
    uses = is_deployed(settings.paths) and load_deployment(settings.paths).database
    async with Gateway.connect(settings.base_url, read_master_key(settings)) as gateway:
        readiness = await gateway.readiness()
        if not deep:
            return health_screen(app, readiness, None, uses_database=uses)
        models = await gateway.deep_health()
    from run_claude.config.catalogue import load_catalogue
    from run_claude.stack.local_servers import look_at_servers
    from run_claude.stack.session import Session

    async with Session.open(settings) as session:
        servers = await look_at_servers(session, settings, load_catalogue(settings.paths))
    failures = [failure for _, failure in servers if failure]
    return health_screen(app, readiness, models, failures, uses_database=uses)


@proxy.command()
@click.option("-f", "--follow", is_flag=True, help="Follow the log.")
@click.option(
    "-n", "--lines", metavar="N", type=click.IntRange(0), default=100, show_default=True, help="Number of lines."
)
@click.option("--service", metavar="SERVICE", type=_SERVICES, help="Show one service only: litellm or timescaledb.")
@common
@click.pass_obj
async def logs(app: App, follow: bool, lines: int, service: str | None) -> None:
    """Show the logs of the containers.

    \b
    run-claude proxy logs -f
    run-claude proxy logs --service timescaledb -n 20
    """
    from run_claude.stack import Stack

    async with Stack.open(app.deployed_settings()) as stack:
        wanted = [Service(service)] if service else list(Service)
        await stack.print_logs(wanted, tail=lines, follow=follow, emit=app.output.text)


@proxy.command()
@click.option("--no-cache", is_flag=True, help="Build without the cache.")
@common
@click.pass_obj
async def build(app: App, no_cache: bool) -> None:
    """Build the proxy's image, even if it exists. `start` builds it when it is missing.

    \b
    run-claude proxy build --no-cache -v
    """
    from run_claude.stack import Stack

    with closing(app.reporter()) as reporter:
        async with Stack.open(app.settings(), reporter=reporter) as stack:
            image = await stack.build(no_cache=no_cache)
    if app.json:
        app.output.document({"image": image})
    else:
        app.output.sentence(f"Built {image}.")


@proxy.command()
@click.argument("phase", type=click.Choice([Phase.HEALTHY.value, Phase.EXITED.value, Phase.ABSENT.value]))
@click.option(
    "--service",
    metavar="SERVICE",
    type=_SERVICES,
    default=Service.LITELLM.value,
    show_default=True,
    help="Service to wait for: litellm or timescaledb.",
)
@click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait."
)
@common
@click.pass_obj
async def wait(app: App, phase: str, service: str, timeout: float) -> None:
    """Wait until a service is in a phase.

    \b
    run-claude proxy wait healthy --timeout 30
    """
    from run_claude.stack import Stack

    async with Stack.open(app.deployed_settings()) as stack:
        try:
            with anyio.fail_after(timeout):
                await stack.wait(Service(service), Phase(phase))
        except TimeoutError as error:
            raise caused(
                "start-timeout",
                f"{service} was not {phase} within {timeout:g} s.",
                help="See `run-claude proxy status`.",
            ) from error
