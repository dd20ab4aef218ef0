"""Registry, code, page and tests agree: no cause without all of them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import run_claude
from run_claude import errors
from run_claude.domain.causes.registry import CAUSES

PACKAGE = Path(run_claude.__file__).parent
ROOT = PACKAGE.parent
CLASSES = {name: getattr(errors, name) for name in errors.__all__}

# Codes that are put together, and what they may come to.
COMPOSED = {
    "unknown-{kind}": {"unknown-profile", "unknown-model"},
    "container-{reason}": {
        f"container-{reason}" for reason in ("died", "looping", "unhealthy", "removed", "not-started", "paused")
    },
}


def sources() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text())
        for path in sorted(PACKAGE.rglob("*.py"))
        if "_services" not in path.parts and "causes" not in path.parts
    }


def text_of(node: ast.expr) -> str:
    """Return a literal's text, placeholders of an f-string as they stand; empty for what is computed."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_part, parts))
        case _:
            return ""


def _part(node: ast.expr) -> str:
    return "{" + ast.unparse(node.value) + "}" if isinstance(node, ast.FormattedValue) else text_of(node)


def raised() -> list[tuple[str, str, str]]:
    """Return where, by which callable and with which code an error is made."""
    found = []
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            codes = [text_of(keyword.value) for keyword in node.keywords if keyword.arg == "code"]
            if called == "caused" and node.args:
                codes.append(text_of(node.args[0]))
            if called == "_explained":
                codes.append(text_of(node.args[2]))
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            for code in filter(None, codes):
                found += [(place, called, name) for name in COMPOSED.get(code, {code})]
    return found


def test_every_code_that_is_raised_is_registered() -> None:
    assert len(raised()) > 60
    missing = [f"{place}: {code}" for place, _, code in raised() if code not in CAUSES]
    assert not missing, "not in run_claude/domain/causes"


def test_every_class_has_its_own_code_registered() -> None:
    # Three are never raised without a code of their own.
    needless = {"engine-unavailable", "start-failed", "conflict", "gateway", "data"}
    assert {error.default_code for error in CLASSES.values()} - needless <= CAUSES.keys()


def test_a_code_is_raised_by_the_class_it_is_registered_with() -> None:
    wrong = [
        f"{place}: {called} {code}"
        for place, called, code in raised()
        if called in CLASSES and code in CAUSES and CLASSES[called] not in (CAUSES[code].error, *CAUSES[code].also)
    ]
    assert not wrong


def test_every_registered_code_is_raised_somewhere() -> None:
    known = {code for _, _, code in raised()} | {error.default_code for error in CLASSES.values()}
    literals = {
        node.value
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not CAUSES.keys() - known - literals


def test_a_cause_is_registered_once() -> None:
    names = [
        ast.literal_eval(node.args[0])
        for path in (PACKAGE / "domain/causes").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Cause"
    ]
    assert sorted(names) == sorted(CAUSES)


def test_the_page_is_what_the_code_says() -> None:
    command = [sys.executable, "scripts/errors_page.py"]
    page = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/errors.md").read_text() == page, f"run: {' '.join(command[1:])} > docs/errors.md"


@pytest.mark.parametrize("cause", CAUSES.values(), ids=str)
def test_a_cause_is_told_in_whole_lines(cause: object) -> None:
    assert isinstance(cause, type(CAUSES["busy"]))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cause.code)
    for text in (cause.meaning, cause.help):
        assert text
        assert "\n" not in text
        assert "|" not in text, "it is a cell of a table"


def staged() -> set[str]:
    """Return the codes that tests say they stage: ``@pytest.mark.cause("a", "b")``, or a ``cause`` mark on a param."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.mark.cause", "cause"):
                found |= {text_of(argument) for argument in node.args}
    return found - {""}


def test_every_cause_has_a_test_that_stages_it() -> None:
    assert not CAUSES.keys() - staged()


def test_no_test_stages_a_cause_that_is_not_registered() -> None:
    assert not staged() - CAUSES.keys()
