"""What was used, and what it cost: LiteLLM's sums of each day, which stay when the rows of requests are deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from run_claude.database.queries import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["By", "Usage", "parse_usage", "summed", "usage_sql"]

_OURS = "run-claude:"  # and the profile: the alias of the key that its clients have
_NOBODY = "(none)"


class By(StrEnum):
    """What usage is summed by."""

    DAY = "day"
    MODEL = "model"
    PROFILE = "profile"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Requests, tokens and cost of one day, model, key and provider, or a sum of such.

    :param day: in UTC, as ISO 8601
    :param profile: whose clients asked; the name of another key, or ``(none)`` for the master key
    :param input: tokens, those that were read from a cache among them
    :param cost: in US dollars, by the prices that LiteLLM knows
    """

    day: str = ""
    model: str = ""
    profile: str = ""
    provider: str = ""
    requests: int = 0
    failed: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    cost: float = 0.0


_SUMS = tuple(field.name for field in fields(Usage) if field.name not in set(By))


def usage_sql(since: str) -> str:
    """Return SQL that asks LiteLLM's database for each sum from a day on; the answers are JSON, one a line.

    :param since: a day as ISO 8601
    """
    return f"""SELECT json_build_object('day', u.date, 'model', coalesce(nullif(u.model_group, ''), u.model, ''),
  'provider', coalesce(u.custom_llm_provider, ''), 'key', coalesce(k.key_alias, ''),
  'requests', u.api_requests, 'failed', u.failed_requests, 'input', u.prompt_tokens,
  'cached', u.cache_read_input_tokens, 'output', u.completion_tokens, 'cost', u.spend)
FROM public."LiteLLM_DailyUserSpend" u LEFT JOIN public."LiteLLM_VerificationToken" k ON k.token = u.api_key
WHERE u.date >= {text_literal(since)} ORDER BY u.date;
"""  # noqa: S608 (a literal of our own making)


def parse_usage(lines: Iterable[str]) -> list[Usage]:
    """Parse the answers to :func:`usage_sql`."""
    rows = []
    for row in (json.loads(line) for line in lines if line.startswith("{")):
        key = str(row.pop("key"))
        rows.append(Usage(profile=key.removeprefix(_OURS) or _NOBODY, **row))
    return rows


def summed(rows: Iterable[Usage], by: By | None) -> list[Usage]:
    """Return the sums of what is alike; of all, in one row, without ``by``. Days in their order, else by cost."""
    sums: dict[str, dict[str, float]] = {}
    for row in rows:
        found = sums.setdefault(str(getattr(row, by)) if by else "", dict.fromkeys(_SUMS, 0))
        for name in _SUMS:
            found[name] += getattr(row, name)
    made = [_made(by, key, found) for key, found in sums.items()]
    if by is By.DAY:
        return sorted(made, key=lambda row: row.day)
    return sorted(made, key=lambda row: (-row.cost, -(row.input + row.output), str(getattr(row, by)) if by else ""))


def _made(by: By | None, key: str, found: dict[str, float]) -> Usage:
    sums = {name: value if name == "cost" else int(value) for name, value in found.items()}
    return replace(Usage(**sums), **({by.value: key} if by else {}))  # type: ignore[arg-type]
