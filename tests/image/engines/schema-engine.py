#!/opt/litellm/bin/python
"""A stand-in for Prisma's schema engine: applies LiteLLM's migrations, so that a test can count the tables."""

import json
import os
import sys
from pathlib import Path

VERSION = "ac9d7041ed77bcc8a8dbd2ab6616b39013829574"


def connect():
    import psycopg

    return psycopg.connect(os.environ["DATABASE_URL"].partition("?")[0], autocommit=True)


def apply_migrations(folder):
    applied = []
    with connect() as database:
        database.execute("CREATE TABLE IF NOT EXISTS _prisma_migrations (migration_name text PRIMARY KEY)")
        done = {row[0] for row in database.execute("SELECT migration_name FROM _prisma_migrations")}
        for migration in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
            if migration.name not in done:
                database.execute((migration / "migration.sql").read_text())
                database.execute("INSERT INTO _prisma_migrations VALUES (%s)", [migration.name])
                applied.append(migration.name)
    return {"appliedMigrationNames": applied}


def answer(method, params):
    if method == "applyMigrations":
        return {"result": apply_migrations(params["migrationsDirectoryPath"])}
    if method == "listMigrationDirectories":
        folder = Path(params["migrationsDirectoryPath"])
        return {"result": {"migrations": sorted(path.name for path in folder.iterdir() if path.is_dir())}}
    return {"error": {"code": -32601, "message": f"the stand-in has no {method}"}}


def main():
    if "--version" in sys.argv:
        print(f"schema-engine-cli {VERSION}")
    elif "can-connect-to-database" in sys.argv:
        connect().close()
    else:
        for line in sys.stdin:
            request = json.loads(line)
            print(
                json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer(request["method"], request["params"])}),
                flush=True,
            )


main()
