from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.config.client_env import client_environment
from run_claude.config.settings import load_settings
from run_claude.deploy.compose_env import build_secrets, compose_variables, proxy_variables, render_compose_env

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.config.settings import Settings


def test_compose_reads_every_value_back(tmp_path: Path) -> None:
    if shutil.which("docker") is None:
        pytest.skip("no docker command: Compose cannot be asked")
    chance = random.Random(1)  # noqa: S311 (examples, no secrets)
    written = {f"V{i}": "".join(chance.choices("ab \\'\"$#{}n\n:-`=é!", k=chance.randint(0, 9))) for i in range(200)}
    labels = {name: f"${{{name}}}" for name in written}
    (tmp_path / "c.yaml").write_text(json.dumps({"services": {"x": {"image": "x", "labels": labels}}}))
    (tmp_path / "e.env").write_text(render_compose_env(written))
    answer = subprocess.run(
        ["docker", "compose", "-f", "c.yaml", "--env-file", "e.env", "config", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert answer.returncode == 0, answer.stderr
    read = json.loads(answer.stdout)["services"]["x"]["labels"]
    assert {name: value.replace("$$", "$") for name, value in read.items()} == written


def test_no_password_is_among_the_variables(environ: dict[str, str]) -> None:
    environ |= {"https_proxy": "http://user:planted@proxy:3128", "HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "a,b"}
    environ |= {"UV_INDEX_URL": "https://me:planted@index/simple", "OPENAI_API_KEY": "planted"}
    settings = load_settings(environ)
    variables = compose_variables(settings, settings.environment(), image="i", database_inputs="", inputs="x")
    assert "planted" not in render_compose_env(variables)
    assert variables["HTTP_PROXY"] == "http://proxy:3128"
    assert variables["HTTPS_PROXY"] == ""
    assert variables["NO_PROXY"] == "a,b"
    assert variables["RUN_CLAUDE_BUILD_SECRETS"] == str(settings.paths.build_secrets)


def test_a_build_gets_what_no_layer_may_hold_as_a_shell_reads_it(environ: dict[str, str], tmp_path: Path) -> None:
    index = "https://me:pa$s'&w@index/simple"
    environ |= {"HTTPS_PROXY": "http://user:p@proxy:3128", "UV_INDEX_URL": index, "OPENAI_API_KEY": "planted"}
    text = build_secrets(load_settings(environ).environment())
    assert "planted" not in text
    (tmp_path / "build").write_text(text)
    answer = subprocess.run(
        [
            "sh",
            "-c",
            'set -a; . "$0"; printf "%s\\n" "$UV_INDEX_URL" "$HTTPS_PROXY" "$https_proxy"',
            tmp_path / "build",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    assert answer.stdout.splitlines() == [index, "http://user:p@proxy:3128", "http://user:p@proxy:3128"]


def test_where_there_is_nothing_to_hide_there_is_no_file(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    env = settings.environment()
    assert build_secrets(env) == ""
    assert (
        compose_variables(settings, env, image="i", database_inputs="", inputs="x")["RUN_CLAUDE_BUILD_SECRETS"]
        == "/dev/null"
    )


def test_an_ipv6_address_is_bracketed_for_a_published_port(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "RUN_CLAUDE_BIND": "::1"})
    variables = compose_variables(settings, settings.environment(), image="i", database_inputs="", inputs="x")
    assert variables["RUN_CLAUDE_BIND"] == "[::1]"


def test_the_users_proxy_reaches_the_container_as_one_that_it_can_reach(environ: dict[str, str]) -> None:
    environ |= {
        "https_proxy": "http://me:planted@localhost:3128",
        "HTTP_PROXY": "http://proxy:3128",
        "NO_PROXY": "a, b",
    }
    variables = proxy_variables(load_settings(environ).environment())
    assert variables["HTTPS_PROXY"] == "http://me:planted@host.docker.internal:3128"
    assert variables["https_proxy"] == variables["HTTPS_PROXY"]
    assert variables["HTTP_PROXY"] == "http://proxy:3128"
    assert variables["NO_PROXY"] == "a,b,timescaledb,localhost,127.0.0.1,::1,host.docker.internal"


@pytest.mark.parametrize("bind", ["127.0.0.1", "192.0.2.7"])
@pytest.mark.parametrize(
    "shell", [{}, {"HTTPS_PROXY": "http://p:1"}, {"HTTP_PROXY": "http://p:1", "NO_PROXY": "a, b", "no_proxy": "c d"}]
)
def test_a_start_within_with_hands_on_the_same_as_outside(
    environ: dict[str, str], shell: dict[str, str], bind: str
) -> None:
    """`with` adds this machine's hosts for its clients; nothing is made anew because of that."""
    outside = load_settings({**environ, **shell, "RUN_CLAUDE_BIND": bind})
    profile = load_catalogue(outside.paths).profile("demo")
    clients = client_environment(outside, profile, "sk-0123456789abcdef")
    inside = load_settings({**outside.environ, **clients})

    def handed_on(settings: Settings) -> tuple[object, ...]:
        env = settings.environment()
        return (
            compose_variables(settings, env, image="i", database_inputs="", inputs="x"),
            proxy_variables(env),
            build_secrets(env),
        )

    assert handed_on(inside) == handed_on(outside)


def test_without_a_proxy_the_container_is_told_of_none(environ: dict[str, str]) -> None:
    environ |= {"NO_PROXY": "a,b", "HTTP_PROXY": ""}
    assert proxy_variables(load_settings(environ).environment()) == {}
