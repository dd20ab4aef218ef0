"""The root command. Errors become exit codes here, and only here."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import asyncclick as click

import run_claude
from run_claude.cli.context import App, common
from run_claude.domain.causes import caused
from run_claude.errors import RunClaudeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from asyncclick.shell_completion import CompletionItem

__all__ = ["cli", "explained", "run"]

# name: (module, attribute, help). The help is here so that `--help` imports no command.
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "proxy": ("proxy", "proxy", "Start, stop and inspect the stack: LiteLLM and its database."),
    "instances": ("instances", "instances", "List your stacks: state, address, profile, size."),
    "watch": ("watch", "watch", "Keep the stack running, and report every transition."),
    "history": ("history", "history", "Show past starts, transitions, and what watch did."),
    "with": ("with_profile", "with_profile", "Run a command with a profile's models: with demo -- claude"),
    "env": ("env", "env", "Print the environment for a profile."),
    "install": ("install", "install", "Create folders, secrets and configuration; build the image."),
    "profiles": ("profiles", "profiles", "Show which models serve opus, sonnet and haiku."),
    "models": ("models", "models", "List, show and test models."),
    "config": ("config", "config", "Change settings in .env."),
    "secrets": ("secrets", "secrets", "Manage the master key, database password and provider keys."),
    "set-folder": ("set_folder", "set_folder", "Select a profile for a folder, with direnv."),
    "db": ("db", "db", "Manage the database: status, shell, backup, restore, and more."),
    "usage": ("usage", "usage", "Show requests, tokens and cost, by model, day or profile."),
    "ui": ("ui", "ui", "Open LiteLLM's admin pages: models, keys, teams, spend."),
    "completion": ("completion", "completion", "Print shell completion for bash, zsh or fish."),
    "doctor": ("doctor", "doctor", "Check everything, and fix what is safe to fix."),
    "uninstall": ("uninstall", "uninstall", "Remove everything that is run-claude's, after asking."),
}

# What people type first, and what they mean by it: each works like the command behind it.
_SHORTCUTS: dict[str, tuple[str, str]] = {
    "start": ("proxy", "start"),
    "stop": ("proxy", "stop"),
    "restart": ("proxy", "restart"),
    "status": ("proxy", "status"),
    "logs": ("proxy", "logs"),
    "health": ("proxy", "health"),
    "backup": ("db", "backup"),
    "restore": ("db", "restore"),
    "profile": ("profiles", ""),
    "model": ("models", ""),
    "secret": ("secrets", ""),
    "settings": ("config", ""),
    "spend": ("usage", ""),
    "cost": ("usage", ""),
}

# Commands that only read files and print. Without an event loop they take 100 ms instead of 170.
_IMMEDIATE = frozenset(
    {"env", "history", "profiles", "config", "set-folder", "completion", "-h", "--help", "--version"}
)


class _Lazy(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it."""
        name, subcommand = _SHORTCUTS.get(cmd_name, (cmd_name, ""))
        if name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[name]
        command: click.Command = getattr(import_module(f"run_claude.cli.commands.{module}"), attribute)
        return command.get_command(ctx, subcommand) if subcommand and isinstance(command, click.Group) else command

    async def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of an argument; one that there is not is refused with those that are like it."""
        try:
            return await super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            possibilities = [*_COMMANDS, *_SHORTCUTS]
            raise click.NoSuchCommand(error.command_name, possibilities=possibilities, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete command names without importing the commands."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from asyncclick.shell_completion import CompletionItem

        return [CompletionItem(name, help=row[2]) for name, row in _COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="New here? `run-claude with demo -- claude` needs no key. No command: what runs, what next.",
    invoke_without_command=True,
)
@click.version_option(run_claude.__version__, prog_name="run-claude", message="%(prog)s %(version)s")
@common
@click.pass_context
async def cli(ctx: click.Context) -> None:
    """Run Claude Code against any model, through a LiteLLM proxy in containers on your machine."""
    if ctx.invoked_subcommand is None:
        from run_claude.cli.commands.overview import overview

        await overview(ctx.ensure_object(App))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    app = App()
    if "_RUN_CLAUDE_COMPLETE" in app.environ:
        from run_claude.cli import shells

        shells.install(app.environ)
        return _run_immediately(app, _call(app, list(arguments)))
    if _command(arguments) in _IMMEDIATE:
        return _run_immediately(app, _call(app, list(arguments)))
    from run_claude.cli.loop import run_in_loop

    return run_in_loop(app, lambda: _call(app, list(arguments)))


def _command(arguments: Sequence[str]) -> str:
    """Return the name of the command, or the option that acts as one; common options may come first."""
    words = iter(arguments)
    for word in words:
        if word == "--instance":
            next(words, None)
        elif word in _IMMEDIATE or not word.startswith("-"):
            return word
    return ""


def _run_immediately(app: App, call: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine that never waits, in a single step: an event loop would take half of the command's time."""
    try:
        call.send(None)
    except StopIteration as finished:
        return int(finished.value)
    except KeyboardInterrupt:
        app.output.interrupted(130)
        return 130
    raise RuntimeError("a command in _IMMEDIATE awaited something")


async def _call(app: App, arguments: list[str]) -> int:
    try:
        result: Any = await cli.main(arguments, prog_name="run-claude", standalone_mode=False, obj=app)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "run-claude"
        app.json = app.json or "--json" in arguments  # the option may follow the part that click could not parse
        return app.output.failure(caused("usage", error.format_message(), help=f"See `{path} --help`."))
    except click.Abort:
        app.output.interrupted(130)
        return 130
    except RunClaudeError as error:
        return app.output.failure(explained(app, error))
    except SystemExit as ended:
        if ended.code == 0:  # what a shell asked for is completed
            return 0
        if isinstance(ended.code, int) and ended.code > 128:  # a signal came while a pipe was read
            app.output.interrupted(ended.code)
            return ended.code
        sys.stderr.close()
        return 141
    except BrokenPipeError:  # the reader is gone (`… | head`); asyncclick raises SystemExit
        sys.stderr.close()
        return 141
    except Exception as error:
        return app.output.failure(_internal(error))
    return result if isinstance(result, int) else 0


def explained(app: App, error: RunClaudeError) -> RunClaudeError:
    """Return what explains a file that cannot be used, and every next one: files of another user, all at once."""
    if error.code not in ("file-unwritable", "file-unreadable", "file-mode", "folder-unusable"):
        return error
    from run_claude.config.ownership import owned_by_others
    from run_claude.config.paths import Paths

    paths = Paths.resolve(app.environ)
    return owned_by_others([paths.config, paths.state]) or error


def _internal(error: Exception) -> RunClaudeError:
    """Return an unexpected exception as an error like the others, with its traceback as detail."""
    import traceback

    return caused(
        "internal",
        f"Internal error: a bug in run-claude: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
        help="Please report it with the output of `run-claude doctor --report FILE`, which contains no secrets.",
        detail="".join(traceback.format_exception(error)).rstrip(),
    )
