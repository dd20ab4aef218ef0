"""`run-claude completion`, and the completion of profile and model names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import asyncclick as click

from run_claude.cli.context import App, common

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncclick.shell_completion import CompletionItem

__all__ = ["complete_model", "complete_profile", "complete_set_variable", "complete_variable", "completion"]

VARIABLE = "_RUN_CLAUDE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
@click.pass_obj
async def completion(app: App, shell: str) -> None:
    """Print a script that completes commands, options, profiles and models in a shell.

    \b
    eval "$(run-claude completion bash)"      # in ~/.bashrc
    eval "$(run-claude completion zsh)"       # in ~/.zshrc, after compinit
    run-claude completion fish | source       # in ~/.config/fish/config.fish
    """
    from asyncclick.shell_completion import get_completion_class

    from run_claude.cli import shells
    from run_claude.cli.root import cli

    shells.install(app.environ)
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 (the three are built in)
    source = kind(cli, {}, "run-claude", VARIABLE).source()
    if app.json:
        app.output.document({"shell": shell, "script": source})
    else:
        app.output.exact(source.rstrip("\n"))


def complete_profile(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the profiles that start with a text; none if the user's files are invalid: completion shows no errors."""
    return _named("profiles", incomplete)


def complete_model(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the models that start with a text; none if the user's files are invalid."""
    return _named("models", incomplete)


def complete_variable(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the variables that start with a text: settings, and what the models read. Never a value."""
    from run_claude.cli.views.settings import SETTINGS
    from run_claude.config.catalogue import load_catalogue
    from run_claude.errors import RunClaudeError

    names = set(SETTINGS)
    with suppress(RunClaudeError):
        names |= load_catalogue(App().settings().paths).variables
    return _items(names, incomplete)


def complete_set_variable(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the variables in `.env` that start with a text."""
    from run_claude.errors import RunClaudeError

    with suppress(RunClaudeError):
        return _items(App().settings().environment().file, incomplete)
    return []


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from asyncclick.shell_completion import CompletionItem

    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _named(kind: str, incomplete: str) -> list[CompletionItem]:
    from asyncclick.shell_completion import CompletionItem

    from run_claude.config.catalogue import load_catalogue
    from run_claude.errors import RunClaudeError

    with suppress(RunClaudeError):
        catalogue = load_catalogue(App().settings().paths)
        things = catalogue.profiles if kind == "profiles" else catalogue.models
        return [
            CompletionItem(name, help=thing.description or None)
            for name, thing in things.items()
            if name.startswith(incomplete)
        ]
    return []
