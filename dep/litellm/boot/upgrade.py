"""Migrate the database before the container of the image before is stopped: where that fails, it runs on.

As a program, in a container of its own beside that one: the controller runs it before it replaces one image by another,
with the new secrets as its standard input: on its volume are those of before.
The exit code is that of a failed migration, or 0: whatever else is wrong shows in the start that follows.
"""

from __future__ import annotations

import sys

from boot import migrations
from boot.database import Database, Migrated


def main() -> None:
    """Migrate what there is to migrate."""
    from entrypoint import load_secrets

    load_secrets("" if sys.stdin.isatty() else sys.stdin.read())
    database = Database.from_environment()
    if database is None:
        return
    state = database.state(migrations.folder())
    if state.migrated is not Migrated.COMPLETELY:
        sys.exit(migrations.run(database.url({}), first=state.migrated is Migrated.NEVER))


if __name__ == "__main__":
    main()
