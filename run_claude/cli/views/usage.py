"""What was used: a table with a bar for each row, and the sum."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from run_claude.cli.views.table import Cell, Column, table
from run_claude.database.usage import By, Usage, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.cli.context import App

__all__ = ["amount", "usage_screen"]

_BAR = 24  # columns
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def usage_screen(app: App, rows: Sequence[Usage], by: By, since: str) -> None:
    """Show the sums of rows.

    :param since: the first day, as ISO 8601
    """
    sums, total = summed(rows, by), next(iter(summed(rows, None)), Usage())
    if app.json:
        app.output.document(
            {
                "since": since,
                "by": by.value,
                "rows": [_json(row, by) for row in sums],
                "total": _json(total, None),
            }
        )
        return
    if not sums:
        app.output.sentence(f"Nothing was used since {since}.")
        return
    # Bars show cost or, where nothing costs anything, tokens.
    measure = [row.cost if total.cost else float(row.input + row.output) for row in sums]
    largest = max(measure) or 1.0
    columns = [Column(by.value.upper()), *(Column(name, right=True) for name in _TITLES), Column()]
    lines: list[list[str | Cell]] = [
        [str(getattr(row, by)), *_figures(row), Cell(_bar(value / largest), "cyan")]
        for row, value in zip(sums, measure, strict=True)
    ]
    lines.append([Cell("total", "bold"), *(Cell(text, "bold") for text in _figures(total)), ""])
    app.output.lines(table(app.output.screen, columns, lines))
    app.output.text("")
    app.output.sentence(f"Since {since}; costs are LiteLLM's, in US dollars, and days are in UTC.")


_TITLES = ("REQUESTS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST")


def _figures(row: Usage) -> list[str]:
    tokens = [amount(number) for number in (row.input, row.cached, row.output)]
    return [str(row.requests), str(row.failed) if row.failed else "-", *tokens, _cost(row.cost)]


def amount(number: int) -> str:
    """Return a number of tokens in at most four characters and a unit: ``950``, ``12.3k``, ``4.5M``."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.0f}{unit}" if value >= 100 else f"{value:.1f}{unit}"
    return str(number) if number else "-"


def _cost(dollars: float) -> str:
    if not dollars:
        return "-"
    return f"${dollars:.2f}" if dollars >= 0.1 else f"${dollars:.4f}"


def _bar(share: float) -> str:
    """Return a bar in eighths of a column; whatever is more than nothing shows."""
    eighths = max(round(share * _BAR * 8), 1 if share else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _json(row: Usage, by: By | None) -> dict[str, object]:
    kept = {name: value for name, value in asdict(row).items() if name not in set(By) or name == by}
    return {**kept, "cost": round(row.cost, 6)}
