"""Imports run one way: a room knows the rooms below it, and no others."""

from __future__ import annotations

import ast
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


def modules() -> dict[str, ast.Module]:
    """Return each module by its dotted name below run_claude."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ("_services", PUBLIC):
            found[".".join(parts).removesuffix("." + PUBLIC)] = ast.parse(path.read_text())
    return found


MODULES = modules()


def imports(tree: ast.Module) -> set[str]:
    """Return the modules of run_claude that a module imports, for types only as well."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("run_claude."):
            base = str(node.module).removeprefix("run_claude.")
            below = {f"{base}.{alias.name}" for alias in node.names}
            found |= (below & MODULES.keys()) or {base}
        elif isinstance(node, ast.ImportFrom) and node.module == "run_claude":
            found |= {alias.name for alias in node.names} & MODULES.keys()
    return found


def room(module: str) -> str:
    return module.partition(".")[0]


def test_every_module_lies_in_a_room_of_the_table() -> None:
    assert {room(module) for module in MODULES} == RANK.keys()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_own_room_and_those_below(module: str) -> None:
    others = {other for other in imports(MODULES[module]) if room(other) != room(module)}
    above = {other for other in others if RANK[room(other)] >= RANK[room(module)]}
    assert not above


@pytest.mark.parametrize("name", RANK)
def test_there_is_no_circle_in_a_room(name: str) -> None:
    inside = {module: imports(tree) for module, tree in MODULES.items() if room(module) == name}
    while free := {module for module, known in inside.items() if not (known - {module}) & inside.keys()}:
        inside = {module: known for module, known in inside.items() if module not in free}
    assert not inside


def test_the_process_environment_is_read_in_one_place() -> None:
    """Everything else gets a mapping. ``deploy.local`` is a program of its own: it reads it where that begins."""
    readers = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv", "os.environb")
    }
    assert readers == {"cli.context", "deploy.local"}
