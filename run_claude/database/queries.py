"""The SQL of the database commands, for psql's standard input. The answers are one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "Content",
    "Table",
    "connect",
    "connection",
    "content_sql",
    "count_sql",
    "drop_sql",
    "identifier",
    "leftovers_sql",
    "parse_content",
    "parse_counts",
    "swap_sql",
    "temporary_name",
    "text_literal",
    "timescaledb_sql",
]

_OURS = "^run_claude_(restoring|replaced)_[0-9a-f]{8}_[0-9]+$"  # what a killed restore has left
_CHEAP = 1_000_000  # rows; counting more takes too long for `db status`

# The user's tables: chunks belong to their hypertable, and tables of extensions are not data.
_TABLES = """
pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^(pg_|_?timescaledb)'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.deptype = 'e')
"""

_DATABASES = f"""SELECT json_build_object('database', datname, 'bytes', pg_database_size(oid)) FROM pg_database
WHERE NOT datistemplate AND datallowconn AND datname !~ '{_OURS}' ORDER BY datname;"""  # noqa: S608 (our own text)

_EXTENSION = "(SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table and its rows.

    :param exact: whether the rows were counted; otherwise they are the planner's estimate
    :param newest: time of the newest row, ISO 8601; empty if no column has it, or the table is too large
    """

    database: str
    name: str
    rows: int
    exact: bool = True
    newest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The databases and tables of a server."""

    version: str
    databases: dict[str, int]  # bytes
    timescaledb: dict[str, str]  # version of the extension, by database
    tables: tuple[Table, ...]

    @property
    def bytes(self) -> int:
        """Size of all databases."""
        return sum(self.databases.values())

    @property
    def newest(self) -> str:
        """Time of the newest row in any table; empty if unknown."""
        return max((table.newest for table in self.tables), default="")

    def worth_keeping(self) -> list[str]:
        """Return the databases that belong into a backup: ours, and others that have tables."""
        with_tables = {table.database for table in self.tables}
        return [name for name in self.databases if name != "postgres" or name in with_tables]


def content_sql(databases: Iterable[str]) -> str:
    """Return SQL that asks for version, sizes, tables, rows and newest rows."""
    parts = [
        "SELECT json_build_object('version', current_setting('server_version'));",
        _DATABASES,
    ]
    for database in databases:
        parts += [
            connect(database, "postgres"),
            "SET default_transaction_read_only = on; SET statement_timeout = '30s'; SET TimeZone = 'UTC';",
            f"SELECT json_build_object('in', current_database(), 'timescaledb', {_EXTENSION});",
            f"""SELECT CASE WHEN s.estimate > {_CHEAP}
  THEN format('SELECT json_build_object(''table'', %L, ''rows'', %s, ''exact'', false)',
    n.nspname || '.' || c.relname, s.estimate::bigint)
  ELSE format('SELECT json_build_object(''table'', %L, ''rows'', count(*), ''exact'', true, ''newest'', max(%s))'
    ' FROM %I.%I',
    n.nspname || '.' || c.relname, coalesce(quote_ident(t.attname), 'NULL::timestamptz'), n.nspname, c.relname) END
FROM {_TABLES.replace("WHERE", _LATERAL + " WHERE", 1)} ORDER BY n.nspname, c.relname \\gexec""",  # noqa: S608 (our own text)
        ]
    return "\n".join(parts) + "\n"


_LATERAL = """
CROSS JOIN LATERAL (SELECT sum(greatest(p.reltuples, 0)) AS estimate FROM pg_class p
  WHERE p.oid = c.oid OR p.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid)) s
LEFT JOIN LATERAL (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
  AND NOT a.attisdropped AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)
  ORDER BY array_position(ARRAY['time', 'at', 'endTime', 'startTime', 'updated_at', 'created_at'], a.attname::text)
  NULLS LAST, a.attnum LIMIT 1) t ON true"""


def count_sql() -> str:
    """Return SQL that counts the rows of each table in the connected database, and names its TimescaleDB version."""
    return f"""SELECT json_build_object('timescaledb', {_EXTENSION});
SELECT format('SELECT json_build_object(''table'', %L, ''rows'', count(*)) FROM %I.%I',
  n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM {_TABLES} ORDER BY n.nspname, c.relname \\gexec
"""  # noqa: S608 (our own text)


def swap_sql(pairs: Sequence[tuple[str, str]], there: Collection[str], run: str) -> str:
    """Return SQL that gives each restored database its name, all or none, and then drops those that had the names.

    :param pairs: the name, and the name that the restored one has until then
    :param there: the databases that exist; one that only the backup has is new
    :param run: what tells this restore from others, see :func:`temporary_name`

    Sessions are ended first, including TimescaleDB's workers: a database in use cannot be renamed.
    """
    names = ", ".join(text_literal(name) for pair in pairs for name in pair)
    ends = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN ({names});"  # noqa: S608
    old = {name: temporary_name("replaced", run, number) for number, (name, _) in enumerate(pairs) if name in there}
    renames = [*old.items(), *((fresh, name) for name, fresh in pairs)]
    text = "".join(f"ALTER DATABASE {identifier(a)} RENAME TO {identifier(b)};\n" for a, b in renames)
    return f"{ends}\nBEGIN;\n{text}COMMIT;\n" + drop_sql(old.values())


def temporary_name(what: str, run: str, number: int) -> str:
    """Return the name of a database during a restore. A name of up to 63 bytes has no room for a suffix."""
    return f"run_claude_{what}_{run}_{number}"


def leftovers_sql(run: str = "") -> str:
    """Return SQL that drops what restores have left, or one of them: no restore may be at work then."""
    which = f"^run_claude_(restoring|replaced)_{run}_" if run else _OURS
    return f"""SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database
WHERE datname ~ '{which}' \\gexec
"""  # noqa: S608 (our own text)


def timescaledb_sql() -> str:
    """Return SQL that lists the versions of TimescaleDB that the image has, one a line."""
    return "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb' ORDER BY version;\n"


def drop_sql(databases: Iterable[str]) -> str:
    """Return SQL that drops databases, if they exist."""
    return "".join(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE);\n" for name in databases)


def connection(database: str) -> str:
    """Return a database as libpq takes it: a plain name with ``=`` in it would be read as settings."""
    return "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"


def connect(database: str, user: str) -> str:
    """Return what makes psql begin another session, with the options of the one before."""
    wanted = f"{connection(database)} user={user}"
    # As a variable: an argument of \\connect ends with the line, and the name of a database may not.
    return f'SELECT {text_literal(wanted)} AS connection \\gset\n\\connect -reuse-previous=on :"connection"'


def parse_content(lines: Iterable[str]) -> Content:
    """Parse the answers to :func:`content_sql`."""
    version, databases, extensions, tables, inside = "", {}, {}, [], ""
    for line in lines:
        if not line.startswith("{"):
            continue
        row: dict[str, Any] = json.loads(line)
        if "version" in row:
            version = row["version"].split()[0]
        elif "database" in row:
            databases[row["database"]] = int(row["bytes"])
        elif "in" in row:
            inside = row["in"]
            extensions[inside] = row["timescaledb"] or ""
        else:
            tables.append(
                Table(
                    database=inside,
                    name=row["table"].removeprefix("public."),
                    rows=row["rows"],
                    exact=row["exact"],
                    newest=(row.get("newest") or "")[:19],
                )
            )
    return Content(version=version, databases=databases, timescaledb=extensions, tables=tuple(tables))


def parse_counts(lines: Iterable[str]) -> tuple[str, dict[str, int], dict[str, Any]]:
    """Parse the answers to :func:`count_sql` and to ``around_sql``.

    Returns the version of TimescaleDB (or empty), rows by table, and what surrounds the database.
    """
    extension, tables, around = "", {}, {}
    for row in (json.loads(line) for line in lines if line.startswith("{")):
        if "table" in row:
            tables[str(row["table"])] = int(row["rows"])
        elif "around" in row:
            around = row["around"]
        else:
            extension = row["timescaledb"] or ""
    return extension, tables, around


def identifier(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Return a text as an SQL literal on one line."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r")
    return f"E'{escaped}'"
