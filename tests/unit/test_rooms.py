"""Imports run one way: a room knows the rooms below it, and no others."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import run_claude

PACKAGE = Path(run_claude.__file__).parent

# From the bottom up. Rooms of one row do not know each other.
ROWS = (
    ("errors",),
    ("domain",),
    ("config",),
    ("docker", "gateway", "state"),
    ("deploy",),
    ("stack",),
    ("database", "watch"),
    ("doctor", "uninstall"),
    ("cli",),
    ("__main__",),
)
RANK = {room: rank for rank, row in enumerate(ROWS) for room in row}
PUBLIC = "__init__"  # the embedding API: names of many rooms, each imported at its first use


def modules() -> dict[str, Path]:
    """Return each module's file by its dotted name below run_claude."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ("_services", PUBLIC):
            found[".".join(parts).removesuffix("." + PUBLIC)] = path
    return found


MODULES = modules()


@cache
def imports(module: str) -> set[str]:
    """Return the modules of run_claude that a module imports, for types only as well."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("run_claude."):
            base = str(node.module).removeprefix("run_claude.")
            below = {f"{base}.{alias.name}" for alias in node.names}
            found |= (below & MODULES.keys()) or {base}
        elif isinstance(node, ast.ImportFrom) and node.module == "run_claude":
            found |= {alias.name for alias in node.names} & MODULES.keys()
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports have whole names"
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("run_claude.") for alias in node.names} & MODULES.keys()
    return found


def room(module: str) -> str:
    return module.partition(".")[0]


def test_every_module_lies_in_a_room_of_the_table() -> None:
    assert {room(module) for module in MODULES} == RANK.keys()


def test_a_module_imports_only_from_its_own_room_and_those_below() -> None:
    upwards = [
        f"{module} imports {other}"
        for module in MODULES
        for other in imports(module)
        if room(other) != room(module) and RANK[room(other)] >= RANK[room(module)]
    ]
    assert not upwards


@pytest.mark.parametrize("name", RANK)
def test_there_is_no_circle_in_a_room(name: str) -> None:
    inside = {module: imports(module) for module in MODULES if room(module) == name}
    while free := {module for module, known in inside.items() if not (known - {module}) & inside.keys()}:
        inside = {module: known for module, known in inside.items() if module not in free}
    assert not inside


def test_the_process_environment_is_read_in_one_place() -> None:
    """Everything else gets a mapping. ``deploy.local`` is a program of its own: it reads it where that begins."""
    readers = {
        module
        for module, path in MODULES.items()
        if "environ" in path.read_text() or "getenv" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv", "os.environb")
    }
    assert readers == {"cli.context", "deploy.local"}
