"""A report for an issue: the findings, what is running, the last log lines. It contains no secrets."""

from __future__ import annotations

import json
import platform
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import run_claude
from run_claude.doctor.context import Context
from run_claude.doctor.masking import masked, without_queries
from run_claude.domain.lifecycle import Service, as_json
from run_claude.domain.redact import redacted
from run_claude.domain.visible import visible
from run_claude.errors import RunClaudeError
from run_claude.stack.log_redaction import known_secrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from run_claude.config.settings import Settings
    from run_claude.doctor.findings import Finding

__all__ = ["write_report"]

_LOG_LINES = 60
_SHORTEST = 6  # characters of a masked value that is looked for elsewhere
_HISTORY_LINES = 40
_ENGINE = (
    "ServerVersion",
    "OperatingSystem",
    "KernelVersion",
    "Architecture",
    "NCPU",
    "MemTotal",
    "Driver",
    "CgroupDriver",
    "CgroupVersion",
    "SecurityOptions",
    "DefaultRuntime",
    "Warnings",
)


async def write_report(settings: Settings, findings: Sequence[Finding], done: Sequence[str]) -> str:
    """Return the report as Markdown. It contains no value of `.env` and nothing that looks like a key.

    :param done: what was repaired
    """
    parts = [
        f"# run-claude {run_claude.__version__}: report of the doctor",
        f"Python {platform.python_version()}, {platform.platform()}, {sys.executable}",
        _section("Findings", "\n".join(_row(finding) for finding in findings)),
    ]
    if done:
        parts.append(_section("Repaired", "\n".join(done)))
    async with Context.open(settings) as context:
        with suppress(RunClaudeError):  # the findings say why the engine cannot be asked
            info = await context.info()
            parts.append(_section("Engine", _json({name: info[name] for name in _ENGINE if info.get(name)})))
            snapshot = await context.snapshot()
            parts.append(_section("Services", _json({s.value: as_json(snapshot[s]) for s in Service})))
            parts += [_section(f"Last log lines of {service}", text) async for service, text in _logs(context)]
    secrets = known_secrets(settings)
    for title, path in (
        ("Variables for Compose", settings.paths.compose_env_file),
        ("Wanted state", settings.paths.intent_file),
        ("Generated configuration", settings.paths.litellm_config),
        ("History", settings.paths.history_file),
    ):
        text = _read(path)
        if text and path == settings.paths.litellm_config:
            text = _configuration(text, secrets)
        if text:
            parts.append(_section(f"{title} ({path.name})", text))
    text = visible("\n\n".join(parts) + "\n")  # before secrets are looked for: a colour may stand in the middle of one
    return redacted(without_queries(text), secrets, home=settings.environ.get("HOME") or "")


def _configuration(text: str, secrets: set[str]) -> str:
    """Return the generated configuration without what may be a key, and take note of it: a log may show it, too."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return "(it cannot be parsed)"
    found: set[str] = set()
    shown = masked(document, found)
    secrets |= {value for value in found if len(value) >= _SHORTEST}
    return str(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120))


async def _logs(context: Context) -> AsyncIterator[tuple[Service, str]]:
    """Yield the last log lines of each service that has a container."""
    snapshot = await context.snapshot()
    for service in Service:
        if snapshot[service].id:
            with suppress(RunClaudeError):
                log = await context.session.log_tail(service, snapshot, lines=_LOG_LINES)
                yield service, "\n".join(log)


def _row(finding: Finding) -> str:
    help = f"\n          {finding.help}" if finding.help else ""
    code = f" [{finding.code}]" if finding.code else ""
    return f"{finding.mark.value:8}  {finding.check}: {finding.text}{code}{help}"


def _section(title: str, text: str) -> str:
    fence = "`" * 4  # a log may contain three
    return f"## {title}\n\n{fence}\n{text.strip()}\n{fence}"


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_HISTORY_LINES:] if path.suffix == ".jsonl" else lines)
