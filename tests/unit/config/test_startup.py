"""What `run-claude env demo` needs of this package has to stay light: the whole process has 120 ms."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from run_claude.config.secrets import ensure_secrets

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

ENV_DEMO = """
import json, os, sys
from run_claude.config.settings import load_settings
from run_claude.config.catalogue import load_catalogue
from run_claude.config.client_env import client_environment, render_environment
from run_claude.config.secrets import read_master_key
settings = load_settings(os.environ)
profile = load_catalogue(settings.paths).profile("demo")
render_environment(client_environment(settings, profile, read_master_key(settings)), "sh")
print(json.dumps(sorted(sys.modules)))
"""


HEAVY = {
    *("yaml", "dotenv", "aiohttp", "aiodocker", "httpx", "rich", "anyio", "asyncio", "asyncclick", "hashlib"),
    *("difflib", "subprocess", "tempfile", "random", "logging", "shlex"),
}


def test_the_environment_of_a_profile_is_had_without_what_is_heavy(settings: Settings, environ: dict[str, str]) -> None:
    ensure_secrets(settings)
    answer = subprocess.run([sys.executable, "-c", ENV_DEMO], capture_output=True, text=True, check=True, env=environ)
    assert not HEAVY.intersection(json.loads(answer.stdout))
