"""Causes in what the user gives: each staged by a whole command, in this process, without an engine."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from run_claude import gateway
from run_claude.cli.root import run
from run_claude.deploy import migration, services
from run_claude.domain import timeouts
from run_claude.domain.causes.registry import CAUSES
from run_claude.state import lock

from .expect import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

cause = pytest.mark.cause
GOOD_KEY = "sk-0123456789abcdef0123456789abcdef"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder, with secrets in it; no engine is reached."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / ".env").write_text(f"LITELLM_MASTER_KEY={GOOD_KEY}\nRUN_CLAUDE_TIMESCALEDB_PASSWORD=abcdefgh\n")
    (folder / ".env").chmod(0o600)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.chdir(tmp_path)
    return folder


def failure_of(
    capsys: pytest.CaptureFixture[str], code: str, *arguments: str, exit: int | None = None
) -> dict[str, Any]:
    """Run a command that must fail with this cause."""
    capsys.readouterr()
    ended = run([*arguments, "--json"])
    error = checked(json.loads(capsys.readouterr().out)["error"], code)
    assert ended == error["exit_code"] == (exit or CAUSES[code].exit_codes[0])
    return error


def writes(name: str, text: str | bytes) -> Callable[[Path], None]:
    def write(home: Path) -> None:
        (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def sets(name: str, value: str) -> Callable[[Path], None]:
    def append(home: Path) -> None:
        with (home / ".env").open("a") as file:
            file.write(f"{name}={value}\n")

    return append


def points_nowhere(home: Path) -> None:
    (home / ".env").unlink()
    (home / ".env").symlink_to("/proc/none/there")


def installs(home: Path) -> None:
    """Make what a start would make first, which it does for a usable engine only."""
    assert run(["install", "--no-build"]) == 0
    assert (home / "services").is_dir()


def weakens_key(home: Path) -> None:
    installs(home)
    env = home / ".env"
    env.write_text(env.read_text().replace(GOOD_KEY, "sk-1234"))


START, PROFILES = ("proxy", "start"), ("profiles", "list")
KEY_INSIDE = "models:\n  mine:\n    litellm_params: {model: openai/x, api_key: sk-abc12345abc12345abc12345}\n"
TWICE = "model_list:\n- model_name: a\n  litellm_params: {model: openai/x}\nmodels:\n  a: null\n"
CIRCLE = "profiles:\n  a:\n    extends: demo\n    fallbacks: [demo-opus, demo-haiku, demo-opus]\n"
MODEL = "models:\n  mine:\n    litellm_params: {model: openai/x}\n"


@pytest.mark.parametrize(
    ("code", "spoil", "arguments", "names"),
    [
        pytest.param("usage", None, ("proxy", "start", "--nope"), "--nope", marks=cause("usage")),
        pytest.param("unknown-profile", None, ("env", "demmo"), "demo", marks=cause("unknown-profile")),
        pytest.param("unknown-model", None, ("models", "show", "demo-opos"), "demo-opus", marks=cause("unknown-model")),
        pytest.param("config-invalid", writes("models.yaml", "models: 7\n"), PROFILES, "models.yaml:1",
                     marks=cause("config-invalid")),
        pytest.param("setting-invalid", sets("RUN_CLAUDE_PRISMA", "perhaps"), START, ".env:3",
                     marks=cause("setting-invalid")),
        pytest.param("port-invalid", sets("LITELLM_PORT", "99999"), START, ".env:3", marks=cause("port-invalid")),
        pytest.param("yaml-invalid", writes("models.yaml", "models:\n  mine: [\n"), PROFILES, "models.yaml:",
                     marks=cause("yaml-invalid")),
        pytest.param("unknown-key", writes("models.yaml", MODEL + "    nonsense: 1\n"), PROFILES, "models.yaml:4",
                     marks=cause("unknown-key")),
        pytest.param("duplicate-name",
                     writes("models.yaml", TWICE),
                     PROFILES, "models.yaml:", marks=cause("duplicate-name")),
        pytest.param("key-in-config", writes("models.yaml", KEY_INSIDE),
                     PROFILES, "models.yaml:3",
                     marks=cause("key-in-config")),
        pytest.param("fallback-circle", writes("profiles.yaml", CIRCLE), PROFILES, "profiles.yaml:4",
                     marks=cause("fallback-circle")),
        pytest.param("profile-cycle", writes("profiles.yaml", "profiles:\n  a: {extends: b}\n  b: {extends: a}\n"),
                     PROFILES, "profiles.yaml:", marks=cause("profile-cycle")),
        pytest.param("dotenv-invalid", writes(".env", "what is this\n"), START, ".env:1",
                     marks=cause("dotenv-invalid")),
        pytest.param("file-encoding", writes("models.yaml", b"models:\n  caf\xe9: null\n"), PROFILES, "models.yaml:2",
                     marks=cause("file-encoding")),
        pytest.param("file-unreadable", lambda home: (home / "models.yaml").mkdir(), PROFILES, "models.yaml",
                     marks=cause("file-unreadable")),
        pytest.param("file-unwritable", points_nowhere, ("config", "set", "LITELLM_PORT=4445"), ".env",
                     marks=cause("file-unwritable")),
        pytest.param("key-missing", installs, ("proxy", "start", "--profile", "openai"), "OPENAI_API_KEY",
                     marks=cause("key-missing")),
        pytest.param("secret-missing", writes(".env", ""), ("env", "demo"), ".env", marks=cause("secret-missing")),
        pytest.param("master-key-refused", weakens_key, START, ".env:",
                     marks=cause("master-key-refused")),
        pytest.param("file-exists", None, ("secrets", "export", "config/.env"), ".env", marks=cause("file-exists")),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    code: str,
    spoil: Callable[[Path], None] | None,
    arguments: tuple[str, ...],
    names: str,
) -> None:
    if spoil:
        spoil(home)
    error = failure_of(capsys, code, *arguments)
    assert names in error["message"] + error["help"]
    assert "sk-abc12345" not in json.dumps(error)
    assert "sk-1234" not in json.dumps(error)


def test_a_name_in_a_file_is_a_mistake_in_the_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writes("profiles.yaml", "profiles:\n  a: {extends: demmo}\n")(home)
    failure_of(capsys, "unknown-profile", *PROFILES, exit=3)
    writes("profiles.yaml", "profiles:\n  a: {opus: demo-opos}\n")(home)
    failure_of(capsys, "unknown-model", *PROFILES, exit=3)


@cause("login-missing")
def test_a_subscription_without_the_login_of_claude_code(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claude = home / "bin/claude"
    claude.parent.mkdir()
    claude.touch(mode=0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("run_claude.config.clients.sys.platform", "linux")
        patch.setenv("PATH", str(claude.parent), prepend=os.pathsep)
        assert run(["with", "--json", "claude-plan", "--", "claude"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "login-missing"
    assert "claude-plan" in error["message"]


@cause("folder-unusable")
def test_a_file_in_the_place_of_a_folder(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_CLAUDE_STATE", str(home / "file"))
    (home / "file").write_text("")
    failure_of(capsys, "folder-unusable", "install", "--no-build")


@cause("file-mode")
def test_a_mode_that_cannot_be_mended(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".env").chmod(0o644)

    def refused(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)  # root may change any: another user's file cannot be staged
    failure_of(capsys, "file-mode", "secrets", "init")


@cause("no-home")
def test_no_home_folder(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "RUN_CLAUDE_HOME", "RUN_CLAUDE_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    failure_of(capsys, "no-home", *PROFILES)


@cause("secret-overridden")
def test_a_secret_of_the_environment_is_not_rotated(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from run_claude.config.secrets import MASTER_KEY, rotate
    from run_claude.config.settings import load_settings
    from run_claude.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        rotate(load_settings({"HOME": str(home), "RUN_CLAUDE_HOME": str(home), MASTER_KEY: GOOD_KEY}), [MASTER_KEY])
    checked(caught.value.as_json(), "secret-overridden")


@cause("internal")
def test_what_nobody_has_thought_of_is_an_error_like_the_others(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from run_claude.cli.context import App

    def breaks(*arguments: object, **more: object) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(App, "settings", breaks)
    error = failure_of(capsys, "internal", "proxy", "status")
    assert error["message"].endswith("ZeroDivisionError: oh no")
    assert "test_user.py" in error["detail"]


@cause("not-a-terminal")
def test_nothing_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import anyio

    from run_claude.cli import ask
    from run_claude.errors import UsageError

    monkeypatch.setattr(ask, "at_terminal", lambda: False)
    with pytest.raises(UsageError) as caught:
        anyio.run(lambda: ask.confirm("Really?"))
    assert "--yes" in checked(caught.value.as_json(), "not-a-terminal")["help"]


@cause("envrc-damaged")
def test_a_damaged_block_in_envrc(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["set-folder", "demo"]) == 0
    envrc = tmp_path / ".envrc"
    envrc.write_text("\n".join(envrc.read_text().splitlines()[:-1]) + "\n")
    failure_of(capsys, "envrc-damaged", "set-folder", "demo")


@cause("installation-broken")
def test_a_broken_installation(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services, "_PACKAGE", tmp_path / "nowhere")
    failure_of(capsys, "installation-broken", "install", "--no-build")


@cause("migration-failed", "migration-interrupted")
def test_an_old_layout_that_cannot_be_taken_over(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "state" / "dep"
    old.mkdir(parents=True)
    (old / "docker-compose.yaml").write_text("services: {}\n")
    (old / "mine.yaml").write_text("mine\n")
    with monkeypatch.context() as patched:
        patched.setattr(migration, "_same", lambda one, other: False)
        failure_of(capsys, "migration-interrupted", "install", "--no-build")

    def refused(*arguments: object) -> list[str]:
        raise OSError(13, "Permission denied", str(old))

    monkeypatch.setattr(migration, "_migrate_services", refused)
    error = failure_of(capsys, "migration-failed", "install", "--no-build")
    assert str(old) in error["message"]


@cause("busy")
@pytest.mark.anyio
async def test_another_command_that_does_not_end(tmp_path: Path) -> None:
    from run_claude.errors import BusyError

    async with lock.lock(tmp_path / "lock", "proxy start"):
        with pytest.raises(BusyError) as caught:
            async with lock.lock(tmp_path / "lock", "proxy stop", wait=0.05):
                pass
    error = checked(caught.value.as_json(), "busy")
    assert "run-claude proxy start (pid " in error["message"]


# --- the way to the proxy -----------------------------------------------------------------------------------------


class Proxy(BaseHTTPRequestHandler):
    """A proxy that answers with one status, or not at all."""

    status = 200
    body = b""
    silent = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        if not self.status:
            self.silent.wait(5)
            return
        body = self.body
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def proxy(status: int, body: bytes = b'{"error": {"message": "no"}}') -> Iterator[str]:
    handler = type("Handler", (Proxy,), {"status": status, "body": body, "silent": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        handler.silent.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("code", "status"),
    [
        pytest.param("gateway-key", 401, marks=cause("gateway-key")),
        pytest.param("gateway-refused", 500, marks=cause("gateway-refused")),
        pytest.param("gateway-timeout", 0, marks=cause("gateway-timeout")),
    ],
)
async def test_a_proxy_that_does_not_answer_as_it_should(
    code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from run_claude.errors import GatewayError

    monkeypatch.setattr(timeouts, "GATEWAY_ANSWER", 0.2)
    with proxy(status) as url:
        async with gateway.Gateway.connect(url, GOOD_KEY) as client:
            with pytest.raises(GatewayError) as caught:
                await client.models()
    assert GOOD_KEY not in json.dumps(checked(caught.value.as_json(), code))


@pytest.mark.anyio
@cause("gateway-no-answer")
@pytest.mark.parametrize("body", [b"{}", b'{"content": []}', b'{"content": [{"type": "text", "text": ""}]}', b"oops"])
async def test_an_answer_that_is_none_is_a_failure(body: bytes) -> None:
    from run_claude.errors import GatewayError

    with proxy(200, body) as url:
        async with gateway.Gateway.connect(url, GOOD_KEY) as client:
            with pytest.raises(GatewayError) as caught:
                await client.message("mine", "hi")
    checked(caught.value.as_json(), "gateway-no-answer")


@pytest.mark.anyio
async def test_an_answer_of_thinking_alone_is_one() -> None:
    with proxy(200, b'{"content": [{"type": "thinking", "thinking": "hm"}]}') as url:
        async with gateway.Gateway.connect(url, GOOD_KEY) as client:
            assert await client.message("mine", "hi") == ""


@cause("gateway-unreachable")
def test_no_proxy_at_its_port(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets("LITELLM_PORT", "1")(home)
    failure_of(capsys, "gateway-unreachable", "proxy", "health")
