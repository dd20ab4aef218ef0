"""`run-claude install`"""

from __future__ import annotations

from contextlib import closing

import asyncclick as click

from run_claude.cli.context import App, common

__all__ = ["install"]


@click.command()
@click.option("--force", is_flag=True, help="Also replace files in services/ that you have changed.")
@click.option("--yes", is_flag=True, help="Do not ask before replacing your files.")
@click.option("--no-build", is_flag=True, help="Neither build nor pull the images; the first start will.")
@common
@click.pass_obj
async def install(app: App, force: bool, yes: bool, no_build: bool) -> None:
    """Create folders, secrets and configuration, and have both images. It is safe to run again.

    \b
    run-claude install
    run-claude install --force          # reset services/ to this release
    """
    from run_claude.cli.ask import at_terminal, confirm
    from run_claude.cli.views.table import Column, table
    from run_claude.deploy.initialize import initialize, install_templates
    from run_claude.deploy.services import changed_services
    from run_claude.stack import Stack

    settings = app.settings()
    if force and not yes and at_terminal() and (changed := changed_services(settings.paths)):
        question = f"Replace {', '.join(changed)}? Your version is kept as NAME.old."
        force = await confirm(question)
    image = ""
    with closing(app.reporter()) as reporter:
        notes = await initialize(
            settings, "install", force=force, on_wait=lambda holder: reporter.step(f"Waiting for {holder}")
        )
        notes += install_templates(settings)
        if not no_build:
            async with Stack.open(settings, reporter=reporter) as stack:
                image = await stack.build_if_missing()
    paths = settings.paths
    if app.json:
        places = {"config": str(paths.config), "state": str(paths.instance_state), "services": str(paths.services)}
        app.output.document({**places, "image": image, "notes": notes})
        return
    rows = [
        ("Settings and keys", str(paths.env_file)),
        ("Models, profiles", f"{paths.models_file}, {paths.profiles_file}"),
        ("Compose project", str(paths.services)),
        ("State", str(paths.instance_state)),
        *([("Image", image)] if image else []),
    ]
    for note in notes:
        app.output.sentence(note)
    app.output.lines(table(app.output.screen, (Column(), Column()), rows))
    app.output.text("\nNext: add a provider's key to .env (see `run-claude profiles list`), then run")
    app.output.text("      run-claude with PROFILE -- claude     (`demo` needs no key)")
