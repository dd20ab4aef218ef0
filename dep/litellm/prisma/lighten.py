"""Let the types of LiteLLM's tables be imported when one is asked for, instead of all at each start.

The generated ``prisma/types.py`` is 10.6 MB of definitions for type checkers: 3.5 s of CPU and 130 MB at each start,
of which LiteLLM uses four names. Here it keeps what belongs to no table; each table's become a module of
``prisma/types_of``, imported by name on demand.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECTION = re.compile(r"(?m)^# (\w+) types$")  # the template begins a table's part with it
LAZY = """

TABLES = {tables!r}


def __getattr__(name: str):
    import importlib

    for table in TABLES:
        if table in name and hasattr(found := importlib.import_module(f"prisma.types_of.{{table}}"), name):
            return getattr(found, name)
    raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
"""
HEADER = """from prisma import types as _of_no_table

globals().update({name: value for name, value in vars(_of_no_table).items() if not name.startswith("__")})

"""
CHECK = """
import sys
from prisma import Prisma, types
Prisma()
assert not [name for name in sys.modules if name.startswith("prisma.types_of")], "imported at a start"
for name in sys.stdin.read().split():
    getattr(types, name)
"""


def names_in(text: str) -> list[str]:
    """Return what a module of generated types defines."""
    return re.findall(r"(?m)^(?:class )?(\w+)(?= = |[(:])", text)


def lighten(package: Path) -> str:
    """Split ``types.py`` of the generated client; leaves it as it was if it does not work afterwards.

    :returns: what was wrong, or nothing
    """
    types, folder = package / "types.py", package / "types_of"
    whole = types.read_text(encoding="utf-8")
    definitions_of_all, imports = whole.rsplit("\n\n", 1)  # of this package's modules, itself included: at the end
    head, *parts = SECTION.split(definitions_of_all)
    if not parts:
        return "types.py has no parts"
    tables = dict(zip(parts[::2], parts[1::2], strict=True))
    folder.mkdir()
    (folder / "__init__.py").touch()
    for table, definitions in tables.items():
        (folder / f"{table}.py").write_text(HEADER + definitions, encoding="utf-8")
    types.write_text(head + LAZY.format(tables=sorted(tables, key=len, reverse=True)) + imports, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        input="\n".join(names_in(whole)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        types.write_text(whole, encoding="utf-8")
        shutil.rmtree(folder)
    return done.stdout
