"""`run-claude doctor`"""

from __future__ import annotations

import shutil
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click

from run_claude.cli.context import App, common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.doctor.findings import Finding

__all__ = ["doctor"]

# (mark, colour); on a screen without colour or Unicode the words of the second row say the same
_MARKS = {"ok": ("✓", "green"), "note": ("•", "yellow"), "failed": ("✗", "red"), "skipped": ("-", None)}
_PLAIN_MARKS = {"ok": "ok", "note": "note", "failed": "FAILED", "skipped": "skipped"}


@click.command()
@click.option("--fix", is_flag=True, help="Mend what is safe: modes, missing files, image, containers, drift.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write all of it for an issue, without secrets; - is stdout.",
)
@common
@click.pass_obj
async def doctor(app: App, fix: bool, report: str | None) -> int:
    """Check everything, from the machine to an answer of the proxy; exit code 1 if something needs you.

    \b
    run-claude doctor --fix
    run-claude doctor --report - | less
    """
    from run_claude.config.files import write_atomic
    from run_claude.doctor import diagnose, lenient_settings, repair, write_report
    from run_claude.doctor.findings import well

    settings, broken = lenient_settings(app.environ, app.instance)
    findings, done = _joined(broken, await diagnose(settings)), []
    if fix and not broken and any(finding.repair for finding in findings):
        with closing(app.reporter()) as reporter:
            done = await repair(settings, findings, reporter)
        findings = await diagnose(settings)
    code = 0 if well(findings) else 1
    text = await write_report(settings, findings, done) if report else ""
    if report == "-":
        app.output.text(text.rstrip())
        return code
    if report:
        write_atomic(Path(report), text)
    if app.json:
        rows = [finding.as_json() for finding in findings]
        app.output.document({"well": code == 0, "findings": rows, "repaired": done, "report": report})
        return code
    _table(app, findings)
    _summary(app, findings, done, fix=fix)
    if report:
        app.output.text(f"Report: {report}. Read it once before you paste it anywhere.")
    return code


def _joined(broken: list[Finding], findings: list[Finding]) -> list[Finding]:
    """Put what is wrong with the settings first; other checks that met the very same are not repeated."""
    said = {finding.text for finding in broken}
    return [*broken, *(finding for finding in findings if finding.text not in said)]


def _table(app: App, findings: Sequence[Finding]) -> None:
    """Print the findings: mark, check, text; below one that failed, what helps."""
    terminal = sys.stdout.isatty()
    fancy = terminal and app.environ.get("TERM") != "dumb"
    colour = fancy and not app.environ.get("NO_COLOR")
    width = max(40, shutil.get_terminal_size().columns) if terminal else 10_000  # a pipe's reader wants whole lines
    column = max(len(finding.check) for finding in findings)
    before = ""
    for finding in findings:
        mark, fg = _MARKS[finding.mark.value]
        shown = mark if fancy else _PLAIN_MARKS[finding.mark.value].ljust(7)
        shown = click.style(shown, fg=fg) if colour and fg else shown
        check = finding.check if finding.check != before else ""
        before = finding.check
        indent = " " * ((1 if fancy else 7) + 2 + column + 2)
        first, *more = textwrap.wrap(finding.text, width - len(indent), break_on_hyphens=False) or [""]
        app.output.text(f"{shown}  {check.ljust(column)}  {first}")
        for line in more:
            app.output.text(indent + line)
        if finding.help and finding.mark.value != "ok":
            for line in textwrap.wrap(f"→ {finding.help}", width - len(indent), subsequent_indent="  "):
                app.output.text(indent + (click.style(line, dim=True) if colour else line))


def _summary(app: App, findings: Sequence[Finding], done: Sequence[str], *, fix: bool) -> None:
    app.output.text("")
    for line in done:
        app.output.text(line if line.startswith("Could not") else f"Fixed: {line}")
    bad = [finding for finding in findings if finding.mark.value == "failed"]
    if not bad:
        app.output.text("All is well.")
        return
    can = sum(1 for finding in bad if finding.repair)
    need = "1 thing needs you" if len(bad) == 1 else f"{len(bad)} things need you"
    app.output.text(f"{need}{f'; `run-claude doctor --fix` mends {can} of them' if can and not fix else ''}.")
