"""The database by itself: start, stop, look, backup, restore, destroy.

Only :meth:`Database.destroy` removes data, and a restore once the new data is complete and counted.
"""

from run_claude.database.archive import Manifest, Part, read_manifest
from run_claude.database.controller import Database
from run_claude.database.queries import Content, Table

__all__ = ["Content", "Database", "Manifest", "Part", "Table", "read_manifest"]
