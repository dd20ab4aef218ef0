"""What the proxy commands show when they are done: tables, a waterfall; JSON with the same values."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

from run_claude.cli.views.formatting import PHASE_STYLE, ago, duration
from run_claude.domain.lifecycle import Phase, Service, Snapshot, as_json, format_time
from run_claude.domain.timeline import slowest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from run_claude.cli.context import App
    from run_claude.config.settings import Settings
    from run_claude.domain.timeline import Span
    from run_claude.gateway import Readiness
    from run_claude.stack import Started, Status

__all__ = ["health_screen", "started", "status_screen", "stopped"]


def _console() -> Console:
    from rich.console import Console

    # A pipe has no width; a table folded to 80 columns there would be hard to grep.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 160
    return Console(width=width, highlight=False, soft_wrap=False)


def started(app: App, settings: Settings, result: Started) -> None:
    """Show a stack that is healthy now."""
    if app.json:
        app.output.document(
            {
                "instance": settings.instance,
                "already_healthy": result.already,
                "profile": result.prepared.profile.name,
                "url": settings.base_url,
                "services": _services_json(result.snapshot, result.services),
                "timeline": _spans_json(result.spans),
            }
        )
        return
    if result.already:
        # The quick way: one line, and rich is not even imported.
        app.output.text(f"Already healthy: {settings.base_url} serves profile {result.prepared.profile.name}.")
        return
    console = _console()
    console.print(_table(result.snapshot, result.services, settings))
    if result.spans:
        console.print()
        _waterfall(console, result.spans)
    console.print()
    console.print(f"{settings.base_url} serves profile {result.prepared.profile.name}.")
    console.print(f"Try: run-claude with {result.prepared.profile.name} -- claude", style="dim")


def stopped(app: App, snapshot: Snapshot) -> None:
    """Show what is left after a stop."""
    if app.json:
        app.output.document({"services": _services_json(snapshot, tuple(Service))})
        return
    for service in Service:
        app.output.text(f"{service}: {snapshot[service].phase}")


def status_screen(app: App, status: Status) -> None:
    """Show what is."""
    settings = status.settings
    if app.json:
        app.output.document(
            {
                "instance": settings.instance,
                "endpoint": status.endpoint,
                "url": settings.base_url,
                "profile": status.profile,
                "database": status.database,
                "drift": list(status.drift),
                "watcher": status.watcher,
                "healthy": status.snapshot.healthy(status.services),
                "services": _services_json(status.snapshot, tuple(Service)),
            }
        )
        return
    for line in _table_lines(status.snapshot, tuple(Service), settings):
        app.output.text(line)
    app.output.text("")
    profile = f", profile {status.profile}" if status.profile else ""
    app.output.text(f"{settings.base_url}{profile}")
    app.output.text(f"Database: {status.database}")
    app.output.text(f"Watched by {status.watcher}." if status.watcher else "Not watched; `run-claude watch` would.")
    for drift in status.drift:
        app.output.text(f"Drift: {drift}; `run-claude proxy start` applies it.")


def health_screen(app: App, readiness: Readiness, deep: dict[str, Any] | None) -> int:
    """Show what the proxy says of itself and return the exit code."""
    unhealthy = list((deep or {}).get("unhealthy_endpoints") or [])
    code = 0 if readiness.ready and not unhealthy else 10
    if app.json:
        app.output.document(
            {
                "ready": readiness.ready,
                "database": readiness.database,
                "litellm": readiness.version,
                "healthy_models": _models((deep or {}).get("healthy_endpoints")) if deep else None,
                "unhealthy_models": _models(unhealthy) if deep else None,
            }
        )
        return code
    app.output.text(f"{'Ready' if readiness.ready else 'Not ready'}: LiteLLM {readiness.version}")
    app.output.text(f"Database: {readiness.database}")
    if deep is not None:
        for model in _models(deep.get("healthy_endpoints")):
            app.output.text(f"  ok      {model}")
        for model in _models(unhealthy):
            app.output.text(f"  FAILED  {model}")
    return code


def _models(endpoints: Any) -> list[str]:
    return [str(endpoint.get("model")) for endpoint in endpoints or []]


def _services_json(snapshot: Snapshot, services: Sequence[Service]) -> dict[str, object]:
    return {service.value: as_json(snapshot[service]) for service in services}


def _spans_json(spans: Sequence[Span]) -> list[dict[str, object]]:
    return [
        {"step": span.name, "begin": format_time(span.begin_ns), "seconds": round(span.seconds, 3)} for span in spans
    ]


def _rows(
    snapshot: Snapshot, services: Sequence[Service], settings: Settings
) -> list[tuple[str, Phase, str, str, str]]:
    now_ns = time.time_ns()
    ports = {Service.LITELLM: settings.port, Service.TIMESCALEDB: settings.database_port}
    return [
        (
            service.value,
            snapshot[service].phase,
            ago(snapshot[service].since_ns, now_ns),
            f"{settings.bind}:{ports[service]}" if snapshot[service].running else "-",
            snapshot[service].image or "-",
        )
        for service in services
    ]


_HEADER = ("SERVICE", "PHASE", "FOR", "ADDRESS", "IMAGE")


def _table(snapshot: Snapshot, services: Sequence[Service], settings: Settings) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in _HEADER:
        table.add_column(name.capitalize(), overflow="fold" if name == "IMAGE" else "ellipsis", no_wrap=name != "IMAGE")
    for name, phase, since, address, image in _rows(snapshot, services, settings):
        table.add_row(name, Text(phase.value, style=PHASE_STYLE[phase]), since, address, Text(image, style="dim"))
    return table


def _table_lines(snapshot: Snapshot, services: Sequence[Service], settings: Settings) -> list[str]:
    """Return the table as aligned plain lines: `status` is quick because it does not import rich."""
    import asyncclick as click

    rows = _rows(snapshot, services, settings)
    widths = [max(len(title), *(len(str(row[column])) for row in rows)) for column, title in enumerate(_HEADER)]
    colour = {"green": "green", "yellow": "yellow", "red": "red", "magenta": "magenta", "dim": "bright_black"}
    lines = ["  ".join(title.ljust(width) for title, width in zip(_HEADER, widths, strict=True)).rstrip()]
    for row in rows:
        cells = [str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        cells[1] = click.style(cells[1], fg=colour[PHASE_STYLE[row[1]]])
        lines.append("  ".join(cells).rstrip())
    return lines


def _waterfall(console: Console, spans: Sequence[Span]) -> None:
    from rich.text import Text

    begin, end = min(span.begin_ns for span in spans), max(span.end_ns for span in spans)
    labels = max(len(span.name) for span in spans)
    width = max(10, min(console.width, 110) - labels - 12)
    longest = slowest(spans)
    for span in spans:
        left = round((span.begin_ns - begin) / max(1, end - begin) * width)
        bar = max(1, round((span.end_ns - span.begin_ns) / max(1, end - begin) * width))
        bar = min(bar, width - left) or 1
        console.print(
            Text.assemble(
                (span.name.ljust(labels), "bold" if span is longest else ""),
                "  ",
                " " * left,
                ("█" * bar, "yellow" if span is longest else "cyan"),
                " " * (width - left - bar),
                f" {duration(span.seconds):>8}",
            ),
            no_wrap=True,
        )
    console.print(Text(f"{'total'.ljust(labels)}  {' ' * width} {duration((end - begin) / 1e9):>8}", style="bold"))
