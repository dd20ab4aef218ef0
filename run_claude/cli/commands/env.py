"""`run-claude env PROFILE`"""

from __future__ import annotations

import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common

__all__ = ["env"]


@click.command()
@click.argument("profile", shell_complete=complete_profile)
@click.option("--export", "shell", flag_value="sh", help="Print `export NAME=value` lines for sh, bash and zsh.")
@click.option("--fish", "shell", flag_value="fish", help="Print `set -gx` lines for fish.")
@click.option("--powershell", "shell", flag_value="powershell", help="Print `$env:NAME = ` lines for PowerShell.")
@click.option(
    "--settings",
    "shell",
    flag_value="settings",
    help="Print JSON for Claude Code's settings.json, which background agents read.",
)
@common
@click.pass_obj
async def env(app: App, profile: str, shell: str | None) -> None:
    """Print the environment that makes Claude Code and OpenAI clients use a profile.

    It contains the proxy's master key: keep it out of logs and shared files.

    \b
    eval "$(run-claude env demo --export)"
    """
    from run_claude.config.catalogue import load_catalogue
    from run_claude.config.client_env import client_environment, render_environment, settings_snippet
    from run_claude.config.secrets import read_master_key

    settings = app.settings()
    chosen = load_catalogue(settings.paths).profile(profile)
    variables = client_environment(settings, chosen, read_master_key(settings))
    if app.json:
        app.output.document(variables)
    elif shell == "settings":
        app.output.text(settings_snippet(variables))
    else:
        app.output.text(render_environment(variables, shell or "plain"))
