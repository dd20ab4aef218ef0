"""The root command, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import asyncclick as click

import run_claude
from run_claude.cli.context import App, common
from run_claude.errors import RunClaudeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from asyncclick.shell_completion import CompletionItem

__all__ = ["cli", "run"]

# name: (module, attribute, one line of help). The help stands here so that `--help` imports none of them.
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "proxy": ("proxy", "proxy", "Start, stop and look at the stack: LiteLLM and its database."),
    "watch": ("watch", "watch", "Keep running what should run, and tell every transition."),
    "history": ("history", "history", "What happened: starts and their times, transitions, what watch did."),
    "with": ("with_profile", "with_profile", "Run a command with a profile's models: with demo -- claude"),
    "env": ("env", "env", "Print the environment for a profile."),
    "install": ("install", "install", "Make folders, secrets and configuration, and build the image."),
    "profiles": ("profiles", "profiles", "Which model serves opus, sonnet and haiku."),
    "models": ("models", "models", "The models that the proxy can serve."),
    "config": ("config", "config", "Settings in .env."),
    "secrets": ("secrets", "secrets", "Master key, database password, providers' keys."),
    "set-folder": ("set_folder", "set_folder", "Make a folder select a profile (direnv)."),
    "db": ("db", "db", "The database: start, stop, status, shell, backup, restore, destroy."),
    "completion": ("completion", "completion", "Completion for bash, zsh and fish."),
    "doctor": ("doctor", "doctor", "Check everything, say what helps, mend what is safe."),
}

# Those that read files and print: they run without an event loop, in 100 ms for 170.
_IMMEDIATE = frozenset(
    {"env", "history", "profiles", "config", "set-folder", "completion", "-h", "--help", "--version"}
)


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"run_claude.cli.commands.{module}"), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete command names from the table alone."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from asyncclick.shell_completion import CompletionItem

        return [CompletionItem(name, help=row[2]) for name, row in _COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First time? `run-claude with demo -- claude` needs no key.",
)
@click.version_option(run_claude.__version__, prog_name="run-claude", message="%(prog)s %(version)s")
@common
def cli() -> None:
    """Run Claude Code against any model, through a LiteLLM proxy in containers on your own machine."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    app = App()
    if _command(arguments) in _IMMEDIATE or "_RUN_CLAUDE_COMPLETE" in app.environ:
        return _run_immediately(app, _call(app, list(arguments)))
    from run_claude.cli.loop import run_in_loop

    return run_in_loop(app, lambda: _call(app, list(arguments)))


def _command(arguments: Sequence[str]) -> str:
    """Return the command's name, or the option that stands for one; the common options may come before it."""
    words = iter(arguments)
    for word in words:
        if word == "--instance":
            next(words, None)
        elif word in _IMMEDIATE or not word.startswith("-"):
            return word
    return ""


def _run_immediately(app: App, call: Coroutine[Any, Any, int]) -> int:
    """Run a command that awaits nothing: one step is all of it. An event loop would take half of its time."""
    try:
        call.send(None)
    except StopIteration as finished:
        return int(finished.value)
    except KeyboardInterrupt:
        app.output.interrupted(130)
        return 130
    raise RuntimeError("a command in _IMMEDIATE has awaited something")


async def _call(app: App, arguments: list[str]) -> int:
    try:
        result: Any = await cli.main(arguments, prog_name="run-claude", standalone_mode=False, obj=app)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "run-claude"
        app.json = app.json or "--json" in arguments  # it may stand behind what could not be understood
        return app.output.failure(UsageError(error.format_message(), help=f"See `{path} --help`."))
    except click.Abort:
        app.output.interrupted(130)
        return 130
    except RunClaudeError as error:
        return app.output.failure(error)
    except (BrokenPipeError, SystemExit):  # the reader has gone: `run-claude … | head`; asyncclick makes it the latter
        sys.stderr.close()
        return 141
    except Exception as error:
        return app.output.failure(_mistake(error))
    return result if isinstance(result, int) else 0


def _mistake(error: Exception) -> RunClaudeError:
    """Return what nobody has thought of as an error like the others, its traceback to be read below it."""
    import traceback

    return RunClaudeError(
        f"A mistake of run-claude's own: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
        help="Report it, with what `run-claude doctor --report FILE` writes: no secret is in it.",
        detail="".join(traceback.format_exception(error)).rstrip(),
    )
