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
@click.option("--codex", "shell", flag_value="codex", help="Print TOML for Codex's config.toml.")
@click.option("--opencode", "shell", flag_value="opencode", help="Print JSON for OpenCode's opencode.json.")
@click.option("--openai", "shell", flag_value="openai", help="Print the lines for a .env of an OpenAI client.")
@common
@click.pass_obj
async def env(app: App, profile: str, shell: str | None) -> None:
    """Print the environment that makes Claude Code and OpenAI clients use a profile.

    It contains the profile's key, which is for models only: keep it out of logs and shared files. What --codex and
    --opencode print has no key: both read it from OPENAI_API_KEY, which a shell has after `eval`.

    \b
    eval "$(run-claude env demo --export)"
    """
    from pathlib import Path

    from run_claude.config import clients
    from run_claude.config.catalogue import load_catalogue
    from run_claude.config.claude_settings import diversions
    from run_claude.config.client_env import client_environment, render_environment, settings_snippet
    from run_claude.config.client_key import client_key

    settings = app.settings()
    chosen = load_catalogue(settings.paths).profile(profile)
    variables = client_environment(settings, chosen, client_key(settings, chosen.name))
    if app.json:
        app.output.document(variables)
        return
    match shell:
        case "settings":
            app.output.exact(settings_snippet(variables))
        case "codex":
            app.output.exact(clients.codex_toml(chosen, variables))
        case "opencode":
            app.output.exact(clients.opencode_json(chosen, variables))
        case "openai":
            app.output.exact(clients.openai_lines(chosen, variables))
        case _:
            app.output.exact(render_environment(variables, shell or "plain"))
            for found in diversions(app.environ, Path.cwd(), variables):
                help = "" if found.managed else " `run-claude with` overrides it; a plain `claude` does not."
                app.output.note(f"Claude Code's settings win over these variables: {found}.{help}")
