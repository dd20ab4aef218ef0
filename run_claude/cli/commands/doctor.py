"""`run-claude doctor`"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import asyncclick as click

from run_claude.cli.context import App, common

__all__ = ["doctor"]


@click.command()
@click.option("--fix", is_flag=True, help="Fix what is safe: modes, missing files, image, containers, drift.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write a report without secrets to a new file, for an issue; - is stdout.",
)
@common
@click.pass_obj
async def doctor(app: App, fix: bool, report: str | None) -> int:
    """Check everything, from the machine to an answer from the proxy. Exits with 1 if it finds a problem.

    \b
    run-claude doctor --fix
    run-claude doctor --report - | less
    """
    from run_claude.cli.views.doctor import findings_screen
    from run_claude.config.files import refuse_existing, write_new
    from run_claude.doctor import diagnose, lenient_settings, repair, write_report
    from run_claude.doctor.findings import merged, well

    if report and report != "-":
        refuse_existing(Path(report))
    settings, broken = lenient_settings(app.environ, app.instance)
    findings, done = merged(broken, await diagnose(settings)), []
    if fix and not broken and any(finding.repair for finding in findings):
        with closing(app.reporter()) as reporter:
            done = await repair(settings, findings, reporter)
        findings = await diagnose(settings)
    text = await write_report(settings, findings, done) if report else ""
    if report == "-":
        app.output.text(text.rstrip())
    else:
        if report:
            write_new(Path(report), text)
        findings_screen(app, findings, done, fix=fix, report=report)
    return 0 if well(findings) else 1
