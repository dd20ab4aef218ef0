"""Sizes in words. Pure."""

from __future__ import annotations

__all__ = ["size"]


def size(number: int) -> str:
    """Return a size in bytes as ``512 B``, ``7.9 MB`` or ``3.0 GB``."""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
