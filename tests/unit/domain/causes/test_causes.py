"""Registry, code, page and tests agree: no cause without all of them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import run_claude
from run_claude import errors
from run_claude.domain.causes import caused
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


@cache
def sources() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text())
        for path in sorted(PACKAGE.rglob("*.py"))
        if not {"_services", "causes"} & set(path.relative_to(PACKAGE).parts)
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


def name_of(node: ast.expr) -> str:
    """Return the last name of ``a.b.c``, empty for what is computed."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _part(node: ast.expr) -> str:
    return "{" + ast.unparse(node.value) + "}" if isinstance(node, ast.FormattedValue) else text_of(node)


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """Return every call in the package: where it is, the name of what is called, the call."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", name_of(node.func), node)
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


@cache
def raised() -> list[tuple[str, str]]:
    """Return where an error is made and with which code, wherever the code is written out."""
    found = []
    for place, called, node in calls():
        codes = [text_of(keyword.value) for keyword in node.keywords if keyword.arg == "code"]
        if called == "caused" and node.args:
            codes.append(text_of(node.args[0]))
        if called == "_explained":
            codes.append(text_of(node.args[2]))
        for code in filter(None, codes):
            found += [(place, name) for name in COMPOSED.get(code, {code})]
    return found


def test_every_code_that_is_raised_is_registered() -> None:
    assert len(raised()) > 60
    assert not [f"{place}: {code}" for place, code in raised() if code not in CAUSES], "not in run_claude/domain/causes"


def test_an_error_is_made_by_caused_alone() -> None:
    direct = [f"{place}: {called}" for place, called, _ in calls() if called in CLASSES]
    derived = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path, tree in sources().items()
        if path.name != "errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and {name_of(base) for base in node.bases} & CLASSES.keys()
    ]
    assert not direct + derived, "use run_claude.domain.causes.caused"


def test_an_error_has_what_its_cause_is_registered_with() -> None:
    for cause in CAUSES.values():
        error = caused(cause.code, "message", detail="detail", facts={"fact": 1})
        assert type(error) is cause.error, cause.code
        assert (error.code, error.help, error.retryable) == (cause.code, cause.help, cause.retryable)
        assert (error.exit_code, error.detail, error.facts) == (cause.exit_codes[0], "detail", {"fact": 1}), cause.code
        for kind, exit_code in zip(cause.also, cause.exit_codes[1:], strict=True):
            error = caused(cause.code, "message", kind=kind, help="help")
            assert (type(error), error.code, error.help, error.exit_code) == (kind, cause.code, "help", exit_code)


def test_an_error_of_another_class_than_its_cause_has_is_refused() -> None:
    with pytest.raises(ValueError, match="busy is not registered with UsageError"):
        caused("busy", "message", kind=errors.UsageError)


def test_the_table_of_causes_is_imported_only_once_something_has_failed() -> None:
    code = "import sys, run_claude.cli.root, run_claude.config.settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "run_claude.domain.causes" in done.stdout.split()
    assert "run_claude.domain.causes.registry" not in done.stdout.split()


def test_every_registered_code_is_raised_somewhere() -> None:
    known = {code for _, code in raised()}
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
        if isinstance(node, ast.Call) and name_of(node.func) == "Cause"
    ]
    assert sorted(names) == sorted(CAUSES)


def test_the_page_is_what_the_code_says() -> None:
    command = [sys.executable, "scripts/errors_page.py"]
    page = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/errors.md").read_text() == page, f"run: {' '.join(command[1:])} > docs/errors.md"


def test_a_cause_is_told_in_whole_lines() -> None:
    for cause in CAUSES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cause.code), cause.code
        for text in (cause.meaning, cause.help):
            assert text, cause.code
            assert "\n" not in text, cause.code
            assert "|" not in text, f"{cause.code}: it is a cell of a table"


@cache
def staged() -> set[str]:
    """Return the codes that tests say they stage: ``@pytest.mark.cause("a", "b")``, or a ``cause`` mark on a param."""
    found: set[str] = set()
    for text in map(Path.read_text, (ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(text)) if "cause(" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.mark.cause", "cause"):
                found |= {text_of(argument) for argument in node.args}
    return found - {""}


def test_every_cause_has_a_test_that_stages_it() -> None:
    assert not CAUSES.keys() - staged()


def test_no_test_stages_a_cause_that_is_not_registered() -> None:
    assert not staged() - CAUSES.keys()
