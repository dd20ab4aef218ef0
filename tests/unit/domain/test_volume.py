"""Which image may be started on which volume."""

from __future__ import annotations

import pytest

from run_claude.domain.volume import DatabaseImage, Held, catalog_version, misfit

OFFICIAL = "timescale/timescaledb:2.23.1-pg17"
OLDER = {"timescaledb": "2.19.3"}
MOUNT = "/var/lib/postgresql/data"


def row(version: str) -> bytes:
    """A row of pg_extension as it lies on its page."""
    name = b"timescaledb".ljust(64, b"\0")
    return b"\x00\x40\0\0" + name + b"\n\0\0\0\x98\x08\0\0\x00" + bytes([(len(version) + 1) * 2 + 1]) + version.encode()


def image(**more: object) -> DatabaseImage:
    known: dict[str, object] = {"reference": OFFICIAL, "postgres": "17", "data": MOUNT, "timescaledb": "2.23.1"}
    known |= {"libraries": frozenset({"2.23.1", "2.22.0"}), "community": True}
    return DatabaseImage(**{**known, **more})  # type: ignore[arg-type]


def test_the_catalogs_version_is_the_highest_row() -> None:
    page = b"\0" * 100 + row("2.9.3") + b"plpgsql".ljust(64, b"\0") + row("2.23.1") + row("2.19.3")
    assert catalog_version(page) == "2.23.1"
    assert catalog_version(b"plpgsql".ljust(90, b"\0") + b"1.0") == ""
    assert catalog_version(row("2.19.3") + b"3" + bytes(24)) == "2.19.3", "the length of the next column is no digit"


@pytest.mark.parametrize(
    ("held", "other", "code"),
    [
        (Held(), {"data": "/var/lib/postgresql/18/docker", "postgres": "18"}, "database-image"),
        (Held(postgres="17"), {"data": "/home/postgres/pgdata/data"}, "database-image"),
        (Held(postgres="17", elsewhere=True), {"data": f"{MOUNT}/pgdata"}, "database-image"),
        (Held(postgres="16"), {}, "database-version"),
        (Held(postgres="17", timescaledb="2.24.0"), {}, "timescaledb-version"),
        (Held(postgres="17", timescaledb="2.18.0"), {}, "timescaledb-version"),
        (
            Held(postgres="17", timescaledb="2.23.1"),
            {"timescaledb": "2.19.3", "libraries": frozenset()},
            "timescaledb-version",
        ),
        (Held(postgres="17", timescaledb="2.23.1", license="timescale"), {"community": False}, "timescaledb-version"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_what_the_volume_holds(
    held: Held, other: dict[str, object], code: str
) -> None:
    error = misfit("v", held, image(**other))
    assert error is not None
    assert error.code == code
    assert held.words in error.message
    assert "Nothing was changed" in error.help
    assert "remove" not in error.help.lower()


@pytest.mark.parametrize(
    ("held", "other"),
    [
        (Held(), {}),
        (Held(postgres="17"), {}),
        (Held(postgres="17", timescaledb="2.22.0", license="timescale"), {}),
        (Held(postgres="17", timescaledb="2.23.1", license="apache"), {"community": False}),
        (Held(postgres="17"), {"data": ""}),
        (Held(postgres="17"), {"data": f"{MOUNT}/pgdata"}),
        (Held(postgres="17", timescaledb="2.23.1"), {"timescaledb": "", "libraries": frozenset(), "community": None}),
    ],
)
def test_what_fits_or_is_not_known_is_started(held: Held, other: dict[str, object]) -> None:
    assert misfit("v", held, image(**other)) is None
