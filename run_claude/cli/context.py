"""The context of a command: the common options, and the settings and displays that follow from them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import asyncclick as click

from run_claude.cli.output import Output
from run_claude.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.settings import Settings
    from run_claude.domain.progress import Reporter

__all__ = ["App", "common"]

F = TypeVar("F", bound="Callable[..., Any]")


@dataclass
class App:
    """One run of the command line."""

    instance: str | None = None
    json: bool = False
    verbose: bool = False
    quiet: bool = False
    lasting: bool = False  # the command's work goes on when its output cannot be written
    interrupted_code: int = 0
    on_signal: Callable[[int], None] | None = None  # set while the user's command has the terminal
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _settings: dict[tuple[object, ...], Settings] = field(default_factory=dict)

    @property
    def output(self) -> Output:
        """Where results and errors go."""
        return Output(
            json=self.json,
            verbose=self.verbose,
            lasting=self.lasting,
            screen=Screen.of(sys.stdout, self.environ),
            error_screen=Screen.of(sys.stderr, self.environ),
        )

    def called(self, words: str) -> str:
        """Return a command line that the user can type next, for the instance that this one was for."""
        return f"run-claude {f'--instance {self.instance} ' if self.instance else ''}{words}"

    def settings(self, **overrides: Any) -> Settings:
        """Load the user's settings, with what was said at earlier starts.

        :raises ConfigError: with file, line and key of what is invalid
        """
        from run_claude.config.settings import load_settings
        from run_claude.state.instance import as_remembered

        key = (self.instance, *sorted(overrides.items()))
        if key not in self._settings:  # `.env` is read once
            self._settings[key] = as_remembered(load_settings(self.environ, instance=self.instance, **overrides))
        return self._settings[key]

    def deployed_settings(self) -> Settings:
        """Load the user's settings, or those of the last start where the user's cannot be used; a note says why.

        For commands that need nothing newer: stop, logs, status, restart, watch, the database.

        :raises ConfigError: with file, line and key of what is invalid, if nothing was started here
        """
        from run_claude.errors import ConfigError

        try:
            return self.settings()
        except ConfigError as error:
            from run_claude.state.instance import as_deployed

            settings = as_deployed(self.environ, self.instance, error)
            self.output.note(f"{error.message} The settings of the last start are used.")
            self._settings[(self.instance,)] = settings
            return settings

    def catalogue(self) -> tuple[Catalogue, Callable[[str], bool]]:
        """Load the user's models and profiles. The second value tells whether a provider's variable is set.

        :raises ConfigError: with file, line and key of what is invalid
        """
        from run_claude.config.catalogue import load_catalogue
        from run_claude.config.secrets import provider_keys

        settings = self.settings()
        catalogue = load_catalogue(settings.paths)
        return catalogue, provider_keys(settings.environment(), catalogue.variables).__contains__

    def reporter(self) -> Reporter:
        """Return the progress display: live on a terminal, plain lines elsewhere, silent with ``--quiet``."""
        from run_claude.cli.views.plain import Plain
        from run_claude.domain.progress import Silent

        if self.quiet:
            return Silent()
        screen = Screen.of(sys.stderr, self.environ)
        if self.json or self.verbose or not screen.terminal:
            return Plain(sys.stderr, self.environ, verbose=self.verbose)
        from run_claude.cli.views.live import Live

        return Live(screen)


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        if value:
            setattr(ctx.ensure_object(App), name, value)
        return value

    return callback


def _instances(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of the user's instances."""
    from run_claude.config.paths import Paths
    from run_claude.errors import ConfigError
    from run_claude.state.instances import instances

    try:
        return [name for name in instances(Paths.resolve(os.environ)) if name.startswith(incomplete)]
    except ConfigError:
        return []  # completion shows no errors


_OPTIONS = (
    click.option("--json", is_flag=True, expose_value=False, callback=_set("json"), help="Print JSON."),
    click.option(
        "--instance",
        metavar="NAME",
        expose_value=False,
        callback=_set("instance"),
        shell_complete=_instances,
        help="Use the instance NAME.",
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_set("verbose"),
        help="Print the commands that run.",
    ),
    click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_set("quiet"), help="Print no progress."),
)


def common(command: F) -> F:
    """Add the common options to a command: they work before and after the subcommand's name."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
