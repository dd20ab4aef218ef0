"""The database of an instance: start, stop, inspect, back up, restore, destroy.

Only :meth:`Database.destroy` removes data, and a restore, once the new data is complete and verified.
"""

from run_claude.database.archive import Manifest, Part
from run_claude.database.controller import Database, DatabaseStatus
from run_claude.database.queries import Content, Table
from run_claude.database.salt import salt_remark
from run_claude.database.verify import verify_file

__all__ = ["Content", "Database", "DatabaseStatus", "Manifest", "Part", "Table", "salt_remark", "verify_file"]
