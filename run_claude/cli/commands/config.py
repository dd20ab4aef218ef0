"""`run-claude config …`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncclick as click

from run_claude.cli.commands.completion import complete_set_variable, complete_variable
from run_claude.cli.context import App, common
from run_claude.domain.causes import caused
from run_claude.domain.redact import is_secret

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

__all__ = ["config"]


@click.group()
@common
def config() -> None:
    """Show settings, and change them in .env.

    \b
    run-claude config set LITELLM_PORT=4445
    run-claude config set GROQ_API_KEY
    run-claude config list
    run-claude config path
    """


@config.command("set")
@click.argument("assignments", metavar="NAME[=VALUE]...", nargs=-1, required=True, shell_complete=complete_variable)
@common
@click.pass_obj
async def set_config(app: App, assignments: tuple[str, ...]) -> None:
    """Write settings to .env. The rest of the file stays as it is.

    Without a value it is asked for and not shown, or read from standard input: keys belong on no command line.

    \b
    run-claude config set LITELLM_PORT=4445
    run-claude config set GROQ_API_KEY
    pass show groq | run-claude config set GROQ_API_KEY
    """
    from run_claude.config.files import ensure_folder
    from run_claude.config.secrets import store

    changes: dict[str, str] = {}
    asked: list[str] = []
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        _check_name(name, assignment)
        _check_known(name)
        if not equals:
            asked.append(name)
        elif is_secret(name, value):
            raise caused(
                "key-on-command-line",
                f"{name} is a key: on a command line, the shell's history and other programs keep and see it.",
                help=f"Run `run-claude config set {name}` and type it there, or send it to its standard input.",
            )
        else:
            changes[name] = value
    changes |= _asked(asked)
    settings = _tried(app, changes)
    ensure_folder(settings.paths.config)
    target = store(settings, changes)
    app.output.note(f"Wrote {', '.join(changes)} to {target}.")
    for name, value in changes.items():
        if app.environ.get(name, value) != value:
            app.output.note(f"{name} is set in the environment as well, to something else: there it wins. Unset it.")


@config.command("unset")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_set_variable)
@common
@click.pass_obj
async def unset_config(app: App, names: tuple[str, ...]) -> None:
    """Remove settings from .env. The rest of the file stays as it is.

    \b
    run-claude config unset GROQ_API_KEY
    """
    from run_claude.config.paths import Paths
    from run_claude.config.secrets import forget

    for name in names:
        _check_name(name, name)
    target, removed = forget(Paths.resolve(app.environ), names)  # also where a setting cannot be used
    if removed:
        app.output.note(f"Removed {', '.join(removed)} from {target}.")
    if missing := [name for name in names if name not in removed]:
        app.output.note(f"Not set in {target}: {', '.join(missing)}.")


def _check_name(name: str, said: str) -> None:
    if not name.isidentifier() or not name.isascii():
        shown = said if "=" not in said else f"{name}=…"
        raise caused(
            "usage", f"{shown!r} is not of the form NAME or NAME=VALUE.", help="For example: LITELLM_PORT=4445"
        )


def _check_known(name: str) -> None:
    """Refuse a name of our own that there is not. Others are anybody's: a model may refer to any variable."""
    from run_claude.cli.views.settings import SETTINGS
    from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, SALT_KEY

    known = (*SETTINGS, MASTER_KEY, SALT_KEY, DATABASE_PASSWORD)
    if name in known or not name.startswith(("RUN_CLAUDE_", "LITELLM_")):
        return
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1, cutoff=0.8)
    if close or name.startswith("RUN_CLAUDE_"):  # LiteLLM has many of its own
        meant = f"Did you mean {close[0]}? " if close else ""
        raise caused(
            "usage", f"There is no setting {name}.", help=f"{meant}`run-claude config list` lists the settings."
        )


def _tried(app: App, changes: dict[str, str]) -> Settings:
    """Return the settings with these values, which are written only if they can be used.

    :raises ConfigError: if one cannot
    """
    from run_claude.errors import ConfigError

    try:
        return App(instance=app.instance, environ=app.environ | changes).settings()
    except ConfigError as error:
        if error.facts.get("key") not in changes:
            raise
        said = error.message.replace(" (in the environment)", "")
        raise caused(error.code, said, help="Say another value. Nothing was written.", facts=error.facts) from error


def _asked(names: list[str]) -> dict[str, str]:
    """Return values for these names: from the terminal, without echo, or the only one from standard input."""
    if not names:
        return {}
    from run_claude.cli.ask import ask_secret, at_terminal, read_secret

    if at_terminal():
        values = {name: ask_secret(f"{name}:") for name in names}
    elif len(names) == 1:
        values = {names[0]: read_secret()}
    else:
        raise caused("usage", "From standard input one value can be read, not several.", help="Set one NAME at a time.")
    for name, value in values.items():
        if not value.isprintable():
            raise caused(
                "usage", f"What was given for {name} is no line of text.", help="A value is one line, as UTF-8."
            )
    if empty := [name for name, value in values.items() if not value]:
        raise caused(
            "usage",
            f"No value was given for {', '.join(empty)}.",
            help="Type it, or send it to standard input. `run-claude config unset NAME` removes a setting.",
        )
    return values


@config.command("list")
@common
@click.pass_obj
async def list_config(app: App) -> None:
    """Show the settings that apply, and where each comes from.

    Of keys it says that they are set.

    What an option of `proxy start` said applies until something else is said.

    \b
    run-claude config list
    """
    from run_claude.cli.views.settings import settings_screen

    settings_screen(app, app.settings())


@config.command("path")
@common
@click.pass_obj
async def config_path(app: App) -> None:
    """Print the configuration folder.

    \b
    cd "$(run-claude config path)"
    """
    app.output.exact(str(app.settings().paths.config))
