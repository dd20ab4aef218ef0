from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from run_claude.config.client_key import client_key
from run_claude.config.secrets import read_master_key
from run_claude.config.settings import Settings, load_settings
from run_claude.deploy.local import prepare_local
from run_claude.errors import ConfigError
from tests import ready

REPOSITORY = Path(__file__).parents[3]
SCRIPTS = REPOSITORY / "scripts"


def test_litellm_gets_what_the_container_gets_but_for_the_database(environ: dict[str, str], packaged: object) -> None:
    settings = load_settings(
        {
            **environ,
            "OPENAI_API_KEY": "sk-planted",
            "OLLAMA_API_BASE": "http://localhost:1",
            "DATABASE_URL": "postgres://",
        }
    )
    local = prepare_local(settings, profile="demo")
    config = yaml.safe_load(Path(local.arguments[-1]).read_text())
    names = [entry["model_name"] for entry in config["model_list"]]
    assert {"gpt-6-luna", "ollama", "demo-opus"} <= set(names)
    assert config["model_list"][names.index("ollama")]["litellm_params"]["api_base"] == "http://127.0.0.1:1"
    assert local.arguments[:4] == ("--host", "127.0.0.1", "--port", "4444")
    assert local.environ["OPENAI_API_KEY"] == "sk-planted"
    assert local.environ["LITELLM_MASTER_KEY"] == read_master_key(settings)
    assert (Path(local.environ["PYTHONPATH"]) / "callbacks").is_dir()
    assert not [name for name in local.environ if name.startswith("DATABASE_")]
    assert "planted" not in repr(local) + " ".join(local.arguments)


def test_a_profile_without_its_key_is_refused(settings: Settings, packaged: object) -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY not set"):
        prepare_local(settings, profile="openai")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nope"], 2, "no profile 'nope'"),
        (["--port", "x"], 2, "--port needs a number"),
        (["--port"], 2, "--port needs a number"),
        (["demo", "more"], 2, "argument 'more'"),
        (["--what"], 2, "argument '--what'"),
        (["openai"], 3, "OPENAI_API_KEY not set"),
        (["demo"], 1, "scripts/run-litellm-local"),
    ],
)
def test_what_cannot_be_run_is_said_without_a_traceback(
    environ: dict[str, str], arguments: list[str], code: int, words: str
) -> None:
    ended, printed, said = ready.run(tuple(arguments), environ, module="run_claude.deploy.local", within=30)
    assert ended == code
    assert printed == ""
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_script_of_before_says_where_to_go_and_fails(shell: str) -> None:
    answer = subprocess.run([shell, str(SCRIPTS / "run-litellm-proxy")], capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stdout == ""
    for way in ("run-claude proxy start", "scripts/run-litellm-local"):
        assert way in answer.stderr


def test_help_is_had_without_installing_anything(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    answer = subprocess.run([SCRIPTS / "run-litellm-local", "--help"], capture_output=True, text=True, env=environ)
    assert answer.returncode == 0
    assert "scripts/run-litellm-local [PROFILE] [--port PORT]" in answer.stdout
    assert not (tmp_path / ".cache").exists()


def local_with_only(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script where nothing is installed but what is in this folder, and four programs of the system's."""
    for name in ("bash", "dirname", "sed", "env"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    environ = {"PATH": str(folder), "HOME": str(folder), "PYENV_ROOT": "/nonexistent"}
    return subprocess.run(
        ["/bin/bash", SCRIPTS / "run-litellm-local"], capture_output=True, text=True, env=environ, check=False
    )


def test_without_a_python_that_fits_the_script_says_which(tmp_path: Path) -> None:
    answer = local_with_only(tmp_path)
    assert answer.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13" in answer.stderr


def test_where_the_only_python_is_too_new_it_is_named(tmp_path: Path) -> None:
    newer = tmp_path / "python3"
    newer.write_text(
        '#!/bin/sh\ncase "$*" in -V) echo "Python 3.14.8" ;; *"<= (3, 13)"*) exit 1 ;; *) exit 0 ;; esac\n'
    )
    newer.chmod(0o755)
    answer = local_with_only(tmp_path)
    assert answer.returncode == 1
    assert "do not fit Python 3.14.8" in answer.stderr
    assert "uv python install 3.13" in answer.stderr


@pytest.mark.slow(60)
@pytest.mark.timeout(600)
def test_the_demo_profile_answers_without_an_engine(environ: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {
        name: os.environ[name] for name in os.environ if re.match(r"PATH$|PYENV|SSL_|PIP_|UV_|.*_PROXY$", name)
    }
    inherited |= {"XDG_CACHE_HOME": str(Path(sys.prefix) / "cache"), "DOCKER_HOST": "unix:///nonexistent"}
    process = subprocess.Popen(
        [SCRIPTS / "run-litellm-local", "demo", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**inherited, **environ},
    )
    try:
        _ready(process)
        key = client_key(load_settings(environ), "demo")
        assert key.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        answer = _ask(port, key, "/v1/messages", {"max_tokens": 99})
        assert "demo profile" in json.loads(answer)["content"][0]["text"]
        streamed = _ask(port, key, "/v1/messages", {"max_tokens": 99, "stream": True})
        assert "event: message_stop" in streamed
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _ask(port, key, "/key/generate", {})
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def _ready(process: subprocess.Popen[str]) -> None:
    """Return when LiteLLM says that it takes requests; it prints nothing of ours after that."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "Uvicorn running on" in line:
            return
    output = "".join(seen)
    if "cannot be installed" in output and "CI" not in os.environ:
        pytest.skip("LiteLLM cannot be installed here")
    raise AssertionError(output[-3000:])


def _ask(port: int, key: str, path: str, more: dict[str, Any]) -> str:
    body = {"model": "demo-opus", "messages": [{"role": "user", "content": "hi"}], **more}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        text: str = answer.read().decode()
        return text
