"""What the pages tell people to type does what they say: each command of a fenced block runs, in the order of its page.

A new user follows README first, then each page of docs/. What LiteLLM answers is the subject of other tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import planted
from tests.engine.conftest import release_for
from tests.engine.instance import Instance
from tests.unit.test_documented import PAGES, REPOSITORY, fenced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.slow(40), pytest.mark.timeout(400)]

NOT_RUN = {
    "scripts/start": "CI runs it in a clean clone",
    "scripts/test": "it is running",
    "scripts/bench": "tests/bench runs it",
    "claude auth login": "needs an account",
}
# What asks a person, or never ends, is told the answer.
AS_IN_A_SCRIPT = {
    "run-claude db restore before-upgrade.tar": "run-claude db restore before-upgrade.tar --yes",
    "run-claude db destroy": "run-claude db destroy --no-dump --yes-destroy-data",
    "run-claude db shell": "run-claude db shell -- -c 'SELECT 1'",
    "run-claude watch": "timeout --preserve-status 5 run-claude watch",
    "run-claude completion fish | source": "run-claude completion fish",
}
CLIENT = """#!/bin/sh
# In the place of a client: says where it was sent, and with what.
echo "asks $ANTHROPIC_BASE_URL for $ANTHROPIC_DEFAULT_OPUS_MODEL"
"""


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Instance]:
    """Somebody who has just cloned it, in a folder of a project; everything else is still to come."""
    stack = Instance(tmp_path_factory.mktemp("newcomer"), release=release_for(request))
    programs = stack.folder / "programs"
    programs.mkdir()
    for name, text in {
        "run-claude": f'#!/bin/sh\nexec {sys.executable} -m run_claude "$@"\n',
        "claude": CLIENT,
        "codex": CLIENT,
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    stack.workplace = stack.folder / "project"
    stack.workplace.mkdir()
    stack.extra = {"PATH": f"{programs}:{stack.environment['PATH']}", "CLAUDE_CODE_OAUTH_TOKEN": "planted-login-0a91"}
    try:
        yield stack
    finally:
        stack.remove()


def commands_of(page: Path) -> list[str]:
    lines = (line.partition("  # ")[0].partition(" # ")[0].strip() for line in fenced(page))
    wanted = [line for line in lines if line.startswith(("run-claude", "eval", "claude", "scripts"))]
    return [line for line in wanted if not line.startswith(tuple(NOT_RUN))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_a_page_says_to_type_works(newcomer: Instance, page: Path) -> None:
    for command in commands_of(page):
        typed = AS_IN_A_SCRIPT.get(command, command)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],
            env=newcomer.environment,
            cwd=newcomer.workplace,
            input="gsk_planted-5e1d90c47a\n",
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        if " with " in command:
            assert f"asks {newcomer.url} for " in done.stdout
        if not command.startswith("run-claude env"):
            planted.check_text([], done.stdout, done.stderr)


def test_what_is_not_run_has_its_reason_and_is_still_there() -> None:
    typed = [line for page in PAGES for line in fenced(page)]
    for known in (*NOT_RUN, *AS_IN_A_SCRIPT):
        assert any(line.startswith(known) for line in typed), f"no page says {known!r} any more"


def test_where_a_newcomer_stands_at_the_end(newcomer: Instance) -> None:
    told = json.loads(newcomer.run("--json").stdout)
    assert told["instance"] == newcomer.name
    assert told["next"]["command"].startswith("run-claude with ")
