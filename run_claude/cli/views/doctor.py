"""The screen of `doctor`: what each check found, what helps, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.cli.views.formatting import counted
from run_claude.cli.views.table import Cell, Column, table
from run_claude.doctor.findings import Mark, well

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.cli.context import App
    from run_claude.cli.screen import Screen
    from run_claude.doctor.findings import Finding

__all__ = ["findings_screen"]

_SYMBOLS = {
    Mark.OK: Cell("✓", "green"),
    Mark.NOTE: Cell("•", "yellow"),
    Mark.FAILED: Cell("✗", "red"),
    Mark.SKIPPED: Cell("-"),
}
# Where no terminal draws symbols.
_WORDS = {Mark.OK: Cell("ok"), Mark.NOTE: Cell("note"), Mark.FAILED: Cell("FAILED"), Mark.SKIPPED: Cell("skipped")}


def findings_screen(
    app: App, findings: Sequence[Finding], done: Sequence[str], *, fix: bool, report: str | None
) -> None:
    """Show the findings, what was repaired, and where the report is.

    :param done: what was repaired, a sentence each
    :param fix: whether repairs were asked for
    """
    if app.json:
        rows = [finding.as_json() for finding in findings]
        app.output.document({"well": well(findings), "findings": rows, "repaired": list(done), "report": report})
        return
    app.output.lines(_table(app.output.screen, findings))
    app.output.text("")
    for line in done:
        app.output.sentence(line if line.startswith("Could not") else f"Fixed: {line}")
    app.output.sentence(_summary(findings, fix=fix))
    if report:
        app.output.sentence(f"Report: {report}. Read it before you share it.")


def _table(screen: Screen, findings: Sequence[Finding]) -> list[str]:
    marks = _SYMBOLS if screen.terminal else _WORDS
    rows: list[tuple[Cell, str, list[Cell]]] = []
    before = ""
    for finding in findings:
        text = [Cell(finding.text)]
        if finding.help and finding.mark is not Mark.OK:
            text.append(Cell(f"→ {finding.help}", "dim", hang=2))
        rows.append((marks[finding.mark], finding.check if finding.check != before else "", text))
        before = finding.check
    return table(screen, [Column()] * 3, rows)


def _summary(findings: Sequence[Finding], *, fix: bool) -> str:
    failed = [finding for finding in findings if finding.mark is Mark.FAILED]
    if not failed:
        return "Everything is fine."
    text = counted(len(failed), "problem") + " found"
    repairable = sum(1 for finding in failed if finding.repair)
    if not repairable or fix:
        return f"{text}."
    which = "it" if len(failed) == 1 else "them" if repairable == len(failed) else f"{repairable} of them"
    return f"{text}. `run-claude doctor --fix` can fix {which}."
