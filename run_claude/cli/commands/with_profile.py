"""`run-claude with PROFILE -- COMMAND…`"""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common
from run_claude.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.stack import Stack

__all__ = ["run_in_the_terminal", "with_profile"]


@click.command(name="with", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("profile", shell_complete=complete_profile)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@click.option("--no-db", is_flag=True, help="Without the database.")
@common
@click.pass_obj
async def with_profile(app: App, profile: str, command: tuple[str, ...], no_db: bool) -> int:
    """Run a command with a profile's models. The stack is started if it does not run; the exit code is the command's.

    \b
    run-claude with demo -- claude
    run-claude with demo -- claude -p "say hi"
    """
    command = command[1:] if command[0] == "--" else command
    if not command:
        raise UsageError("There is no command after --.", help="For example: run-claude with demo -- claude")
    from run_claude.config.client_env import applied, client_environment
    from run_claude.config.secrets import read_master_key
    from run_claude.stack import Stack

    settings = app.settings()
    with closing(app.reporter()) as reporter:
        async with Stack.open(settings, reporter=reporter) as stack:
            result = await stack.up(profile=profile, database=not no_db)
            reporter.close()
            variables = client_environment(settings, result.prepared.profile, read_master_key(settings))
            async with anyio.create_task_group() as group:
                group.start_soon(_tell_of_the_proxy, stack)
                code = await run_in_the_terminal(app, command, applied(app.environ, variables))
                group.cancel_scope.cancel()
    return code


async def run_in_the_terminal(app: App, command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command with our own terminal and return its exit code, as a shell has it."""
    try:
        process = await anyio.open_process(list(command), stdin=None, stdout=None, stderr=None, env=environment)
    except FileNotFoundError as error:
        raise _CommandNotFound(
            f"There is no command {command[0]!r}.",
            help="Check the name after --, or install it: Claude Code is `npm install -g @anthropic-ai/claude-code`.",
            code="command-not-found",
        ) from error
    except OSError as error:  # no permission, or no program at all
        raise _CommandNotExecutable(
            f"{command[0]!r} cannot be executed.", help=f"Try `chmod +x {command[0]}`.", code="command-not-executable"
        ) from error

    def passed_on(number: int) -> None:
        # Ctrl-C reaches the command through the terminal already; anything else is ours to pass on.
        if number != signal.SIGINT:
            process.send_signal(signal.Signals(number))

    app.on_signal = passed_on
    try:
        returncode = await process.wait()
    finally:
        app.on_signal = None
    return returncode if returncode >= 0 else 128 - returncode


async def _tell_of_the_proxy(stack: Stack) -> None:
    """Say on stderr when the proxy goes away under the command, and when it is back."""
    from run_claude.domain.lifecycle import Phase, Service, Transition

    gone = False
    async for transition in stack.transitions():
        if not isinstance(transition, Transition) or transition.service is not Service.LITELLM:
            continue
        phase = transition.after.phase
        if phase is Phase.HEALTHY and gone:
            gone = False
            print("\r\nrun-claude: the proxy is back.\r", file=sys.stderr)  # noqa: T201 (\r: a raw terminal)
        elif phase not in (Phase.HEALTHY, Phase.STARTING) and not gone:
            gone = True
            what = "nobody knows how the proxy is" if phase is Phase.UNKNOWN else f"the proxy is {phase}"
            print(f"\r\nrun-claude: {what} ({transition.cause}).\r", file=sys.stderr)  # noqa: T201


class _CommandNotFound(UsageError):
    """The command after ``--`` does not exist; the code is the shell's."""

    exit_code = 127


class _CommandNotExecutable(UsageError):
    """The command after ``--`` is no executable file; the code is the shell's."""

    exit_code = 126
