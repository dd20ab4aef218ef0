"""Migrate LiteLLM's database in a process of its own, while the server imports.

As a program it does what LiteLLM does before it serves, by LiteLLM's own function; where that fails, LiteLLM's words
go to the log and the last line names the migration.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from boot.database import Database
from boot.words import EXIT_MIGRATION, fail


def folder() -> Path:
    """Return this image's migrations, without importing their package."""
    spec = importlib.util.find_spec("litellm_proxy_extras")
    if not spec or not spec.origin:
        return Path("/nowhere")
    return Path(spec.origin).parent / "migrations"


def run(url: str, *, first: bool) -> int:
    """Migrate; return the exit code. What is said goes to this container's log.

    :param first: the database is new. Then Prisma's command line does it all, in half the time: LiteLLM's way round it
        imports the client three times. Whatever goes wrong is LiteLLM's to mend or to tell.
    """
    environ = os.environ | without_password(url)
    if first:
        schema = folder().with_name("schema.prisma")
        deploy = [os.environ["PRISMA_CLI_PATH"], "migrate", "deploy", f"--schema={schema}"]
        done = subprocess.run(deploy, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 0:
            return 0
        print(done.stdout, file=sys.stderr)
    return subprocess.run([sys.executable, "-m", "boot.migrations"], env=environ, cwd="/app").returncode


def without_password(url: str) -> dict[str, str]:
    """Return the variables for an address: Prisma's command line puts what is in it on the one of its schema engine.

    The engines from npm, and LiteLLM's own drivers, take the password from its variable. Prisma's native ones do not.
    """
    address = urlsplit(url)
    if not address.password or not Path(os.environ["PRISMA_SCHEMA_ENGINE_BINARY"]).with_name("schema.json").exists():
        return {"DATABASE_URL": url}
    where = f"{address.username}@{address.netloc.rpartition('@')[2]}"
    return {"DATABASE_URL": address._replace(netloc=where).geturl(), "PGPASSWORD": unquote(address.password)}


def explain(text: str) -> str:
    """Return which migration failed and what the database said, from LiteLLM's account of it."""
    name = re.search(r"Migration name: (\S.*)|`(\d+_[^`]+)` migration", text)
    said = re.search(r"(?m)^(?:ERROR|FATAL): (.+)", text) or re.search(r"(?m)^Error: (.+)", text)
    code = re.search(r"Database error code: (\w+)", text)
    words = "a migration of LiteLLM's database failed"
    if name:
        words = f"the migration {(name[1] or name[2]).strip()} of LiteLLM's database failed"
    if said:
        words += f": {said[1]}"
    return words + (f" ({code[1]})" if code and code[1] != "N" else "")


def main() -> None:
    """Migrate as LiteLLM's command does by default; one that has failed before is tried again."""
    from litellm_proxy_extras.utils import ProxyExtrasDBManager

    with contextlib.suppress(Exception):  # no table of migrations yet, or no database: the migration then tells
        if (database := Database.from_environment()) and (names := database.forget_failed()):
            print(f"once more, after it has failed: {', '.join(names)}", file=sys.stderr)
    try:
        if ProxyExtrasDBManager.setup_database(use_migrate=True, use_v2_resolver=True):
            return
        text = ""
    except RuntimeError as error:
        text = str(error)
        print(text, file=sys.stderr)
    fail(explain(text), EXIT_MIGRATION)


if __name__ == "__main__":
    main()
