"""A step of the build that fails says so itself if its names cannot be resolved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "dep/litellm/with-build-secrets"
UNRESOLVED = "run-claude: error: the containers of the build cannot resolve names: "
RESOLVER = """
import pathlib, socket

def getaddrinfo(host, *_):
    pathlib.Path({asked!r}).write_text(host)
    if not {resolves}:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

socket.getaddrinfo = getaddrinfo
"""


def run(tmp_path: Path, *command: str, resolves: bool, **environ: str) -> tuple[int, str]:
    """Run a command as a build does, with a resolver that finds every name or none."""
    asked = str(tmp_path / "asked")
    (tmp_path / "sitecustomize.py").write_text(RESOLVER.format(asked=asked, resolves=resolves))
    (tmp_path / "python3").symlink_to(sys.executable)
    own = tmp_path / "pip/_internal/models/index.py"
    own.parent.mkdir(parents=True)
    for package in own.parents[:3]:
        (package / "__init__.py").touch()
    own.write_text("class PyPI:\n    url = 'https://pips-own.example/'\n")
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(tmp_path), **environ}
    done = subprocess.run(["sh", SCRIPT, *command], env=told, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({}, "pips-own.example"),
        ({"UV_DEFAULT_INDEX": "https://me:planted@index.example:8443/simple/"}, "index.example"),
        ({"UV_DEFAULT_INDEX": "corp=https://me:planted@index.example/simple"}, "index.example"),
        ({"PIP_INDEX_URL": "https://index.example/simple"}, "index.example"),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "PIP_INDEX_URL": "https://index.example/"}, "proxy.example"),
        ({"ALL_PROXY": "http://proxy.example:3128"}, "proxy.example"),
        ({"http_proxy": "http://me:planted@proxy.example:3128"}, "proxy.example"),
        ({"https_proxy": "http://[2001:db8::1]:3128"}, "2001:db8::1"),
    ],
)
def test_the_name_that_it_needs_is_told(tmp_path: Path, environ: dict[str, str], host: str) -> None:
    status, said = run(tmp_path, "sh", "-c", "echo no luck >&2; exit 7", resolves=False, **environ)
    assert (status, said) == (7, f"no luck\n{UNRESOLVED}{host}\n")
    assert (tmp_path / "asked").read_text() == host


@pytest.mark.parametrize(
    "environ",
    [
        {"UV_DEFAULT_INDEX": "file:///wheels"},
        {"UV_DEFAULT_INDEX": "/wheels"},
        {"HTTPS_PROXY": "http://user:pa/ss@proxy:3128"},
        {"HTTPS_PROXY": "http://plan/ted@proxy:3128"},
        {"HTTPS_PROXY": "http://planted?word@proxy:3128"},
        {"HTTPS_PROXY": "http://[planted"},
        {"HTTPS_PROXY": "http://$planted$/"},
    ],
)
def test_where_no_name_is_certain_nothing_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    assert run(tmp_path, "sh", "-c", "exit 7", resolves=False, **environ) == (7, "")
    assert not (tmp_path / "asked").exists()


def test_a_step_that_fails_for_another_reason_speaks_for_itself(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "exit 7", resolves=True) == (7, "")


def test_a_step_that_succeeds_asks_for_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "true", resolves=False) == (0, "")
    assert not (tmp_path / "asked").exists()
