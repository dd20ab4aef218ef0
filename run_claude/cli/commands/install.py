"""`run-claude install`"""

from __future__ import annotations

from contextlib import closing

import asyncclick as click

from run_claude.cli.context import App, common

__all__ = ["install"]


@click.command()
@click.option("--force", is_flag=True, help="Replace files in services/ that you have changed as well.")
@click.option("--yes", is_flag=True, help="With --force: do not ask.")
@click.option("--no-build", is_flag=True, help="Leave the image to the first start.")
@common
@click.pass_obj
async def install(app: App, force: bool, yes: bool, no_build: bool) -> None:
    """Make folders, secrets and configuration, and build the image. Safe to run again.

    \b
    run-claude install
    run-claude install --force          # services/ as this release has it
    """
    from run_claude.cli.ask import at_terminal, confirm
    from run_claude.deploy.initialize import ensure_initialized, install_templates
    from run_claude.deploy.services import changed_services
    from run_claude.stack import Stack

    settings = app.settings()
    if force and not yes and at_terminal() and (changed := changed_services(settings.paths)):
        question = f"Replace {', '.join(changed)}? What you have changed is kept beside it, as NAME.old."
        force = await confirm(question)
    notes = [*ensure_initialized(settings, force=force), *install_templates(settings)]
    image = ""
    if not no_build:
        with closing(app.reporter()) as reporter:
            async with Stack.open(settings, reporter=reporter) as stack:
                image = await stack.build_if_missing()
    paths = settings.paths
    if app.json:
        places = {"config": str(paths.config), "state": str(paths.instance_state), "services": str(paths.services)}
        app.output.document({**places, "image": image, "notes": notes})
        return
    for note in notes:
        app.output.text(note)
    app.output.text(f"Settings and keys   {paths.env_file}")
    app.output.text(f"Models, profiles    {paths.models_file}, {paths.profiles_file}")
    app.output.text(f"Compose project     {paths.services}")
    app.output.text(f"State               {paths.instance_state}")
    if image:
        app.output.text(f"Image               {image}")
    app.output.text("\nNext: put a provider's key into .env, see `run-claude profiles list`, then")
    app.output.text("      run-claude with PROFILE -- claude     (`demo` needs no key)")
