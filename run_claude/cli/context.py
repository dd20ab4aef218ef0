"""What every command has: the common options and what follows from them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import asyncclick as click

from run_claude.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.settings import Settings
    from run_claude.domain.progress import Reporter

__all__ = ["App", "common"]

F = TypeVar("F", bound="Callable[..., Any]")


@dataclass
class App:
    """The state of one run of the command line."""

    instance: str | None = None
    json: bool = False
    verbose: bool = False
    quiet: bool = False
    interrupted_code: int = 0
    on_signal: Callable[[int], None] | None = None  # while a command of the user's has the terminal
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def output(self) -> Output:
        """Where results and errors go."""
        return Output(json=self.json, verbose=self.verbose)

    def settings(self, **overrides: Any) -> Settings:
        """Return the user's settings.

        :raises ConfigError: naming file, line and key of what cannot be used
        """
        from run_claude.config.settings import load_settings

        return load_settings(self.environ, instance=self.instance, **overrides)

    def catalogue(self) -> tuple[Catalogue, Callable[[str], bool]]:
        """Return the user's models and profiles, and whether a provider's variable is set.

        :raises ConfigError: naming file, line and key of what cannot be used
        """
        from run_claude.config.catalogue import load_catalogue
        from run_claude.config.secrets import provider_keys

        settings = self.settings()
        catalogue = load_catalogue(settings.paths)
        return catalogue, provider_keys(settings.environment(), catalogue.variables).__contains__

    def reporter(self) -> Reporter:
        """Return the display for progress: a live one on a terminal, plain lines elsewhere, none with ``--quiet``."""
        from run_claude.cli.views.plain import Plain
        from run_claude.domain.progress import Silent

        if self.quiet:
            return Silent()
        if self.json or self.verbose or not sys.stderr.isatty() or self.environ.get("TERM") == "dumb":
            return Plain(sys.stderr, verbose=self.verbose)
        from run_claude.cli.views.live import Live

        return Live()


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        if value:
            setattr(ctx.ensure_object(App), name, value)
        return value

    return callback


_OPTIONS = (
    click.option("--json", is_flag=True, expose_value=False, callback=_set("json"), help="Print JSON for machines."),
    click.option("--instance", metavar="NAME", expose_value=False, callback=_set("instance"), help="Which stack."),
    click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_set("verbose"), help="Show commands."),
    click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_set("quiet"), help="No progress."),
)


def common(command: F) -> F:
    """Add the options that every command has; they may stand before the subcommand or behind it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
