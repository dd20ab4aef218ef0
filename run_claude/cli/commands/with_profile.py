"""`run-claude with`"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common
from run_claude.cli.terminal import check_command, run_in_terminal
from run_claude.domain.causes import caused
from run_claude.domain.visible import visible

if TYPE_CHECKING:
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.stack import Stack

__all__ = ["with_profile"]


@click.command(name="with", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("profile", shell_complete=complete_profile)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--db/--no-db", "database", default=None, help="Start with or without the database. [default: as last time]"
)
@common
@click.pass_obj
async def with_profile(app: App, profile: str, command: tuple[str, ...], database: bool | None) -> int:
    """Run a command with a profile's models. Starts the stack if needed; exits with the command's exit code.

    Every command gets the environment of `env`. Claude Code's own settings, Codex and OpenCode are overridden for this
    call; no file of theirs is changed.

    \b
    run-claude with demo -- claude
    run-claude with demo -- claude -p "say hi"
    run-claude with demo -- codex
    """
    if command[:1] in (("-h",), ("--help",)):
        click.echo(click.get_current_context().get_help())
        return 0
    if command and command[0].startswith("-") and command[0] != "--":
        raise caused(
            "usage",
            f"{command[0]} stands where the command should begin.",
            help=f"For an option of `with`: run-claude with {command[0]} {profile} -- COMMAND",
        )
    command = command[1:] if command[:1] == ("--",) else command
    if not command:
        raise caused(
            "usage", "The command to run is missing.", help=f"For example: run-claude with {profile} -- claude"
        )
    from run_claude.config.client_env import client_environment
    from run_claude.config.client_key import client_key
    from run_claude.config.clients import begins_session, check_login, prepared
    from run_claude.stack import Stack
    from run_claude.state.session_files import session_file

    settings = app.settings()
    check_command(command[0], app.environ)
    if begins_session(command):
        check_login(app.catalogue()[0].profile(profile), app.environ)
    with closing(app.reporter()) as reporter:
        async with Stack.open(settings, reporter=reporter) as stack:
            result = await stack.up(profile=profile, database=database, for_all=False)
            reporter.close()
            variables = client_environment(stack.settings, result.profile, client_key(settings, result.profile.name))
            call = prepared(command, result.profile, variables, app.environ, Path.cwd())
            for note in call.notes:
                app.output.note(note)
            with session_file(stack.settings.paths, call.settings) as settings_file:
                async with anyio.create_task_group() as group:
                    group.start_soon(_report_outages, stack, result.snapshot)
                    code = await run_in_terminal(app, call.command(settings_file), dict(call.environment))
                    group.cancel_scope.cancel()
    return code


async def _report_outages(stack: Stack, healthy: Snapshot) -> None:
    """Print on stderr when the proxy goes away while the command runs, and when it is back.

    The command may be quicker than the first look of the observer, whose import alone takes 0.2 s: what changes until
    then is compared with the snapshot of the start.
    """
    from run_claude.domain.lifecycle import Phase, Service, Transition

    gone = False
    async for transition in stack.transitions(since=healthy):
        if not isinstance(transition, Transition) or transition.service is not Service.LITELLM:
            continue
        phase = transition.after.phase
        if phase is Phase.HEALTHY and gone:
            gone = False
            print("\r\nrun-claude: the proxy is back.\r", file=sys.stderr)  # noqa: T201 (\r: a raw terminal)
        elif phase not in (Phase.HEALTHY, Phase.STARTING) and not gone:
            gone = True
            what = "the state of the proxy is unknown" if phase is Phase.UNKNOWN else f"the proxy is {phase}"
            print(f"\r\nrun-claude: {what} ({visible(transition.cause)}).\r", file=sys.stderr)  # noqa: T201
