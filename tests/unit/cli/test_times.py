"""Points in time, as users write them for `--since`."""

from __future__ import annotations

import pytest

from run_claude.cli.times import parse_since


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("15 min", 900), ("2h", 7200), ("1.5h", 5400), ("7d", 604800)]
)
def test_a_length_is_so_long_before_now(text: str, seconds: float) -> None:
    assert parse_since(text, 1_000_000.0) == 1_000_000.0 - seconds


def test_a_date_is_itself() -> None:
    assert parse_since("2026-11-01T12:00:00+00:00", 0.0) == 1793534400.0
    assert parse_since("2026-11-01", 0.0) < parse_since("2026-11-01T00:01", 0.0)


@pytest.mark.parametrize("text", ["", "soon", "2", "2x", "-2h", "2026-13-01", "99999999-01-01"])
def test_anything_else_is_an_error_that_says_what_is_meant(text: str) -> None:
    with pytest.raises(ValueError, match="15m, 2h"):
        parse_since(text, 0.0)
