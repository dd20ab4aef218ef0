"""LiteLLM's database as a start sees it: its address, whether it answers, whether it has this image's migrations."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Connections of one engine, as LiteLLM has them. The official image allows 25 at its 1 GB: an engine and its successor,
# which meet for a moment, leave two to LiteLLM's own indexes and to a migration, and three to run-claude, as superuser.
POOL = 10
WITHIN = 120.0  # seconds: a new volume takes 5, recovery after a crash may take a minute
# One row: the migrations that are in place, those that have begun and not ended, and LiteLLM's indexes: whole ones, and
# how many were given up while they were built. A migration that was rolled back and applied again has two rows.
STATE = """
WITH indexes AS (
    SELECT own.relname AS name, indisvalid AS whole
    FROM pg_index JOIN pg_class own ON own.oid = indexrelid JOIN pg_class of_table ON of_table.oid = indrelid
    WHERE of_table.relname LIKE 'LiteLLM%'
)
SELECT array_agg(migration_name) FILTER (WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL),
       array_agg(migration_name) FILTER (WHERE finished_at IS NULL AND rolled_back_at IS NULL),
       (SELECT array_agg(name::text) FROM indexes WHERE whole),
       (SELECT count(*) FROM indexes WHERE NOT whole)
FROM _prisma_migrations
"""
# PostgreSQL has undone all of a migration that failed: it is sent as one message. One that has no words of an error was
# interrupted, and may be in place.
FORGET_FAILED = """
UPDATE _prisma_migrations SET rolled_back_at = now()
WHERE finished_at IS NULL AND rolled_back_at IS NULL AND logs IS NOT NULL
RETURNING migration_name
"""


class Migrated(Enum):
    """How far a database is."""

    NEVER = "never"
    PARTLY = "partly"
    COMPLETELY = "completely"


@dataclass(frozen=True)
class State:
    """What one query tells of a database; ``indexes`` are LiteLLM's that are whole."""

    migrated: Migrated
    indexes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Database:
    """Where it is, from the variables that LiteLLM reads as well."""

    host: str
    port: int
    user: str
    password: str
    name: str

    @classmethod
    def from_environment(cls) -> Database | None:
        """Return the database that LiteLLM is to use; ``None`` if it runs without one."""
        if not (host := os.environ.get("DATABASE_HOST")):
            return None
        return cls(
            host=host,
            port=int(os.environ.get("DATABASE_PORT") or 5432),
            user=os.environ.get("DATABASE_USERNAME", ""),
            password=os.environ.get("DATABASE_PASSWORD", ""),
            name=os.environ.get("DATABASE_NAME", ""),
        )

    def url(self, general_settings: Mapping[str, Any]) -> str:
        """Return the address with all that LiteLLM adds to it from its configuration, so that it has nothing to add.

        With the same text the query engine that was started meanwhile is the right one.
        """

        def setting(*names: str, otherwise: int) -> object:
            found = (general_settings.get(f"database_{name}") for name in names)
            return next((value for value in found if value is not None), otherwise)

        parameters = {
            "connection_limit": setting("connection_pool_limit", otherwise=POOL),
            "pool_timeout": setting("connection_timeout", "connection_pool_timeout", otherwise=60),
            "max_idle_connection_lifetime": setting("max_idle_connection_lifetime", otherwise=60),
        }
        address = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{self.port}"
        return f"postgresql://{address}/{quote(self.name, safe='')}?{urlencode(parameters)}"

    def wait(self) -> str:
        """Wait until it takes connections; its container starts at the same time as this one.

        :returns: what was wrong to the end, or nothing
        """
        deadline = time.monotonic() + WITHIN
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=2).close()
                return ""
            except OSError as error:
                if time.monotonic() > deadline:
                    where = f"{self.host}:{self.port}"
                    return f"the database {where} does not answer in {WITHIN:.0f} s: {error}"
                time.sleep(0.05)

    def state(self, migrations: Path) -> State:
        """Return whether it has each migration of a folder, and nothing that LiteLLM would repair. Costs one query.

        Where that cannot be known there is something to do: the migration then tells what is wrong.
        """
        import psycopg2

        wanted = {path.parent.name for path in migrations.glob("*/migration.sql")}
        try:
            [(applied, unfinished, whole, broken)] = self._ask(STATE)
        except psycopg2.errors.UndefinedTable:
            return State(Migrated.NEVER)
        except psycopg2.Error:
            return State(Migrated.PARTLY)
        # What a newer image has begun is not this one's: it runs on when it is put back.
        complete = wanted <= set(applied or ()) and not wanted & set(unfinished or ()) and not broken
        return State(Migrated.COMPLETELY if complete else Migrated.PARTLY, frozenset(whole or ()))

    def forget_failed(self) -> list[str]:
        """Have migrations that failed tried again, and return their names. Prisma refuses to, for ever.

        :raises psycopg2.Error: if the database cannot be asked
        """
        return [name for (name,) in self._ask(FORGET_FAILED)]

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        import psycopg2

        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.name,
            connect_timeout=10,
            application_name="run-claude start",
        )
        try:
            with connection, connection.cursor() as cursor:  # the connection commits
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()
