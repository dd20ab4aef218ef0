"""The database's part of a start, done in a thread while LiteLLM imports: most of a start is that import."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boot import migrations
from boot.database import Migrated, State
from boot.engine import Engine
from boot.words import EXIT_NO_DATABASE, fail, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boot.database import Database


class Ahead:
    """Waits for the database, migrates it if it has to be, starts the query engine, and hands all of it to LiteLLM."""

    def __init__(self, database: Database, general_settings: Mapping[str, Any]) -> None:
        self._database = database
        self._url = database.url(general_settings)
        self._has_client = "PRISMA_QUERY_ENGINE_BINARY" in os.environ  # not in an image that was built without
        self._engine = Engine(Path(os.environ.get("PRISMA_QUERY_ENGINE_BINARY", "")), self._url)
        self._unreachable = ""
        self._state = State(Migrated.NEVER)
        self._migrated = False  # known to be, now
        self._thread = threading.Thread(target=self._work, name="database", daemon=True)

    def begin(self) -> None:
        """Begin with all of it."""
        os.environ["DATABASE_URL"] = self._url
        self._thread.start()

    def _work(self) -> None:
        self._unreachable = self._database.wait()
        if self._unreachable:
            return
        say("database reachable")
        if not self._has_client:
            return
        with contextlib.suppress(OSError):  # the client tries it by itself then, and tells
            self._engine.start()
        self._state = self._database.state(migrations.folder())
        if self._state.migrated is not Migrated.COMPLETELY:
            say("migrating the database")
            if failed := migrations.run(self._url, first=self._state.migrated is Migrated.NEVER):
                os._exit(failed)  # it has said why; no need to import to the end first, and again at each restart
            say("database migrated")
        self._migrated = True

    def hand_over(self) -> None:
        """Wait until it is done, and let LiteLLM find it done; ends the start with what failed."""
        self._thread.join()
        if self._unreachable:
            fail(self._unreachable, EXIT_NO_DATABASE)
        if not self._has_client:
            return  # LiteLLM says so
        from litellm.proxy.db.prisma_client import PrismaManager
        from litellm_proxy_extras.request_log_indexes import REQUEST_LOG_INDEXES

        if self._migrated:  # else LiteLLM tries it by itself, and tells
            PrismaManager.setup_database = staticmethod(lambda *_, **__: True)  # type: ignore[method-assign]
        if {index.name for index in REQUEST_LOG_INDEXES} <= self._state.indexes:
            # Otherwise it imports another driver to find them in place: 0.3 s of CPU while the server starts.
            PrismaManager.start_request_log_index_build = staticmethod(lambda: None)  # type: ignore[method-assign]
        self._engine.hand_over()
