"""The results of the proxy commands: tables, a waterfall, and the same values as JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from run_claude.cli.views.formatting import PHASE_STYLE, ago, duration
from run_claude.cli.views.table import Cell, Column, table, text_width
from run_claude.domain.diagnosis import stranger
from run_claude.domain.lifecycle import Service, Snapshot, as_json, format_time
from run_claude.domain.timeline import slowest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.cli.context import App
    from run_claude.cli.screen import Screen
    from run_claude.config.settings import Settings
    from run_claude.domain.timeline import Span
    from run_claude.errors import RunClaudeError
    from run_claude.gateway import Readiness
    from run_claude.stack import Started, Status

__all__ = ["health_screen", "started", "status_screen", "stopped"]


def started(app: App, settings: Settings, result: Started) -> None:
    """Show a stack that has become healthy."""
    if app.json:
        app.output.document(
            {
                "instance": settings.instance,
                "already_healthy": result.already,
                "profile": result.profile.name,
                "url": settings.base_url,
                "services": _services_json(result.snapshot, result.services),
                "timeline": _spans_json(result.spans),
            }
        )
        return
    if result.already:
        app.output.sentence(f"Already healthy: {settings.base_url} serves profile {result.profile.name}.")
        return
    screen, profile = app.output.screen, result.profile.name
    app.output.lines(_services_table(screen, result.snapshot, result.services))
    if result.spans:
        app.output.lines(["", *_waterfall(screen, result.spans)])
    app.output.text("")
    app.output.sentence(f"{settings.base_url} serves profile {profile}.")
    app.output.text(screen.styled(f"Try: {app.called(f'with {profile} -- claude')}", "dim"))
    second = f'eval "$({app.called(f"env {profile} --export")})"'
    app.output.sentence(f"In a second terminal, for a plain `claude`: {second}")


def stopped(app: App, snapshot: Snapshot) -> None:
    """Show the services after a stop."""
    if app.json:
        app.output.document({"services": _services_json(snapshot, tuple(Service))})
        return
    for service in Service:
        app.output.text(f"{service}: {snapshot[service].phase}")
    if not snapshot.litellm.running:
        app.output.sentence(f"`{app.called('start')}` starts it again.")


def status_screen(app: App, status: Status) -> None:
    """Show the status of the stack."""
    settings = status.settings
    if app.json:
        app.output.document(
            {
                "instance": settings.instance,
                "endpoint": status.endpoint,
                "url": status.url,
                "profile": status.profile,
                "database": status.database,
                "drift": list(status.drift),
                "base_images": list(status.bases),
                "broken": status.broken,
                "unfinished": status.unfinished,
                "remembered": dict(status.remembered),
                "watcher": status.watcher,
                "foreign": [{"container": name, "image": image} for name, image in status.snapshot.strangers],
                "healthy": status.snapshot.healthy(status.services),
                "services": _services_json(status.snapshot, tuple(Service)),
            }
        )
        return
    app.output.lines(_services_table(app.output.screen, status.snapshot, tuple(Service)))
    app.output.text("")
    serves = f" serves profile {status.profile}." if status.profile else ""
    app.output.sentence(f"{status.url}{serves}")
    app.output.sentence(f"Database: {status.database}")
    watcher = (
        f"Watched by {status.watcher}." if status.watcher else "No watcher is running; `run-claude watch` starts one."
    )
    app.output.sentence(watcher)
    if status.remembered:
        words = " ".join(f"{option} {value}" for option, value in status.remembered.items())
        app.output.sentence(f"Remembered from `proxy start`: {words}")
    if status.broken:
        app.output.sentence(f"Broken: {status.broken} What was started before is what counts until it is mended.")
    if status.unfinished:
        app.output.sentence(
            f"Unfinished: `run-claude {status.unfinished}` was killed half-way; `run-claude proxy start` finishes it."
        )
    for base in status.bases:
        app.output.sentence(f"Base image: {base}.")
    for name, image in status.snapshot.strangers:
        app.output.sentence(f"Foreign: {stranger(name, image).message} `docker rm -f {name}` removes it.")
    for drift in status.drift:
        app.output.sentence(f"Drift: {drift}; `run-claude proxy start` applies it.")


def health_screen(
    app: App,
    readiness: Readiness,
    deep: dict[str, Any] | None,
    servers: Sequence[RunClaudeError] = (),
    *,
    uses_database: bool = True,
) -> int:
    """Show what the proxy says about itself, and return the exit code.

    :param servers: what is wrong with the servers of local models
    :param uses_database: whether the proxy was started to use one: where not, LiteLLM says "Not connected"
    """
    unhealthy = list((deep or {}).get("unhealthy_endpoints") or [])
    code = 0 if readiness.ready and not unhealthy and not servers else 10
    if app.json:
        app.output.document(
            {
                "ready": readiness.ready,
                "database": readiness.database,
                "litellm": readiness.version,
                "healthy_models": _models((deep or {}).get("healthy_endpoints")) if deep else None,
                "unhealthy_models": _models(unhealthy) if deep else None,
                "local_servers": [error.as_json() for error in servers] if deep else None,
            }
        )
        return code
    app.output.text(f"{'Ready' if readiness.ready else 'Not ready'}: LiteLLM {readiness.version}".rstrip())
    app.output.text(f"Database: {readiness.database if uses_database else 'not used'}")
    if deep is not None:
        for model in _models(deep.get("healthy_endpoints")):
            app.output.text(f"  ok      {model}")
        for model in _models(unhealthy):
            app.output.text(f"  FAILED  {model}")
        for error in servers:
            app.output.text(f"  FAILED  {error.message}")
            app.output.text(f"          {error.help}")
    return code


def _models(endpoints: Any) -> list[str]:
    return [str(endpoint.get("model")) for endpoint in endpoints or []]


def _services_json(snapshot: Snapshot, services: Sequence[Service]) -> dict[str, object]:
    return {service.value: as_json(snapshot[service]) for service in services}


def _spans_json(spans: Sequence[Span]) -> list[dict[str, object]]:
    return [
        {"step": span.name, "begin": format_time(span.begin_ns), "seconds": round(span.seconds, 3)} for span in spans
    ]


def _services_table(screen: Screen, snapshot: Snapshot, services: Sequence[Service]) -> list[str]:
    now_ns = time.time_ns()
    columns = [Column(title) for title in ("SERVICE", "PHASE", "FOR", "ADDRESS", "IMAGE")]
    rows = [
        (
            service.value,
            Cell(state.phase.value, PHASE_STYLE[state.phase]),
            ago(state.since_ns, now_ns),
            state.published or "not published" if state.running else "-",
            Cell(state.image or "-", "dim"),
        )
        for service, state in ((service, snapshot[service]) for service in services)
    ]
    return table(screen, columns, rows)


_WIDEST_CHART = 110  # columns; longer bars are harder to compare


def _waterfall(screen: Screen, spans: Sequence[Span]) -> list[str]:
    begin, end = min(span.begin_ns for span in spans), max(span.end_ns for span in spans)
    total, longest = max(1, end - begin), slowest(spans)
    labels = max(text_width(span.name) for span in spans)
    times = max(8, *(len(duration(seconds)) for seconds in (total / 1e9, *(span.seconds for span in spans))))
    width = max(4, min(screen.columns or _WIDEST_CHART, _WIDEST_CHART) - labels - times - 4)
    rows: list[tuple[Cell, Cell, str | Cell]] = []
    for span in spans:
        left = min(round((span.begin_ns - begin) / total * width), width - 1)
        bar = max(1, min(round((span.end_ns - span.begin_ns) / total * width), width - left))
        label, colour = (Cell(span.name, "bold"), "yellow") if span is longest else (Cell(span.name), "cyan")
        rows.append((label, Cell(" " * left + "█" * bar, colour), duration(span.seconds).rjust(times)))
    rows.append((Cell("total", "bold"), Cell(" " * width), Cell(duration((end - begin) / 1e9).rjust(times), "bold")))
    return table(screen, [Column()] * 3, rows)
