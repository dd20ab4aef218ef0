"""Findings: what a check found, and how measured values are judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from run_claude.domain.diagnosis.engine import MINIMUM_API, engine_newer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from run_claude.errors import RunClaudeError

__all__ = [
    "Finding",
    "Mark",
    "failed",
    "judge_clock",
    "judge_compose",
    "judge_engine",
    "judge_limits",
    "judge_machine",
    "merged",
    "well",
]

_GB = 1 << 30
MINIMUM_COMPOSE = (2, 20)
_CLOCKS_APART = 120.0  # seconds; what is asked meanwhile takes some itself


class Mark(StrEnum):
    """How a finding concerns the user."""

    OK = "ok"
    NOTE = "note"  # worth knowing; nothing to do
    FAILED = "failed"  # a problem, for the user or for --fix
    SKIPPED = "skipped"  # not checked, because of a problem that another finding names


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's table.

    :param check: what was checked, in one or two words
    :param code: code of the cause, if it failed
    :param repair: the step of :mod:`run_claude.doctor.repairs` that fixes it safely; empty if none does
    """

    check: str
    mark: Mark
    text: str
    help: str = ""
    code: str = ""
    repair: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the finding as a JSON object."""
        row: dict[str, object] = {"check": self.check, "mark": self.mark.value, "text": self.text}
        row |= {"help": self.help} if self.help else {}
        row |= {"code": self.code} if self.code else {}
        row |= {"repair": self.repair} if self.repair else {}
        return row | ({"facts": dict(self.facts)} if self.facts else {})


def well(findings: Iterable[Finding]) -> bool:
    """Return whether there is no problem."""
    return all(finding.mark is not Mark.FAILED for finding in findings)


def merged(first: Sequence[Finding], findings: Iterable[Finding]) -> list[Finding]:
    """Return both, without those of the second that say the same as one of the first."""
    texts = {finding.text for finding in first}
    return [*first, *(finding for finding in findings if finding.text not in texts)]


def failed(check: str, error: RunClaudeError, *, repair: str = "") -> Finding:
    """Return an error as a finding."""
    return Finding(
        check=check,
        mark=Mark.FAILED,
        text=error.message,
        help=error.help,
        code=error.code,
        repair=repair,
        facts=error.facts,
    )


def judge_machine(*, cpus: int, memory: int, available: int | None, disk_free: int | None) -> list[Finding]:
    """Judge a machine. Measured: LiteLLM takes 320 MB, 530 MB with the database, and one core to start.

    :param memory: bytes, of the machine of the engine
    :param available: free bytes; ``None`` if unknown
    :param disk_free: free bytes where the engine keeps images and volumes; ``None`` if unknown
    """
    words = f"{cpus} CPU{'s' if cpus != 1 else ''}, {memory / _GB:.1f} GB of memory"
    if available is not None:
        words += f" ({available / _GB:.1f} GB available)"
    facts = {"cpus": cpus, "memory": memory, "memory_available": available}
    machine = Finding(check="machine", mark=Mark.OK, text=words, facts=facts)
    if memory < 1 * _GB or (available is not None and available < _GB // 4):
        machine = Finding(
            check="machine",
            mark=Mark.FAILED,
            text=f"{words}: too little for LiteLLM, which takes 0.5 GB",
            help="Give the engine's machine more memory, or stop other programs.",
            code="out-of-memory",
            facts=facts,
        )
    if disk_free is None:
        return [machine]
    room = f"{disk_free / _GB:.1f} GB free for images and volumes"
    help = "Free some space: `docker system df` shows what takes it, `docker builder prune` is safe."
    if disk_free < _GB // 2:
        mark, room = Mark.FAILED, f"only {room}"
    else:
        mark, room = (Mark.NOTE, f"only {room}; a build takes 2 GB") if disk_free < 3 * _GB else (Mark.OK, room)
    disk = Finding(
        check="disk",
        mark=mark,
        text=room,
        help="" if mark is Mark.OK else help,
        code="disk-full" if mark is Mark.FAILED else "",
        facts={"disk_free": disk_free},
    )
    return [machine, disk]


def judge_engine(name: str, api: tuple[int, int], *, milliseconds: float, details: str = "") -> Finding:
    """Judge the engine's version.

    :param name: product and version: ``Docker 26.1.5``
    """
    spoken = f"{api[0]}.{api[1]}"
    text = f"{name}, API {spoken}{f', {details}' if details else ''}, answers in {milliseconds:.0f} ms"
    facts = {"engine": name, "api_version": spoken}
    if api < MINIMUM_API:
        return Finding(
            check="engine",
            mark=Mark.FAILED,
            text=f"{text}: too old, `start_interval` is not supported",
            help="Update Docker to Engine 25 or newer.",
            code="engine-too-old",
            facts=facts,
        )
    if newer := engine_newer(api):
        text = f"{text}; {newer}"
    return Finding(check="engine", mark=Mark.OK, text=text, facts=facts)


def judge_limits(info: Mapping[str, Any]) -> list[Finding]:
    """Judge whether an engine keeps containers to their limits: a rootless one without cgroups does not."""
    missing = [what for what, key in (("memory", "MemoryLimit"), ("processes", "PidsLimit")) if info.get(key) is False]
    if not missing:
        return []
    text = f"the engine enforces no limits of {' and '.join(missing)}"
    if info.get("CgroupDriver") == "none":
        text += ": it has no control groups"
    return [Finding(check="engine", mark=Mark.NOTE, text=text, facts={"no_limits": missing})]


def judge_clock(ahead: float) -> list[Finding]:
    """Judge an engine's clock: a registry's certificate may be invalid by one that is wrong.

    :param ahead: by how many seconds it is ahead of this machine's
    """
    if abs(ahead) < _CLOCKS_APART:
        return []
    text = f"the engine's clock is {abs(ahead) / 60:.0f} min {'ahead of' if ahead > 0 else 'behind'} this machine's"
    help = "Set the one that is wrong: a virtual machine's stands still while it sleeps (restart Docker Desktop)."
    return [Finding(check="clock", mark=Mark.NOTE, text=text, help=help, facts={"seconds_ahead": round(ahead)})]


def judge_compose(version: str) -> Finding:
    """Judge Compose's version, as `docker compose version --short` prints it."""
    numbers = [part for part in version.lstrip("v").replace("-", ".").split(".")[:2] if part.isdigit()]
    found = tuple(map(int, numbers))
    facts = {"compose": version}
    if len(found) == 2 and found < MINIMUM_COMPOSE:
        return Finding(
            check="compose",
            mark=Mark.FAILED,
            text=f"Compose {version}: too old",
            help="Update Compose to 2.20 or newer.",
            code="compose-too-old",
            facts=facts,
        )
    return Finding(check="compose", mark=Mark.OK, text=f"Compose {version}", facts=facts)
