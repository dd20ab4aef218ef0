"""Start LiteLLM in its container: secrets in, imports while the database gets ready, errors named.

Runs in the image only and imports nothing of run-claude. Each line that begins with ``run-claude:`` is read by the
controller: the engine stamps it, and a start's waterfall is made of the stamps. It is sealed (boot/words.py); between
"entrypoint" and "serving" nobody outside has a say, and what LiteLLM prints then is evidence of why a start fails.

Exit codes: 2 and 3 as LiteLLM's own (a failed migration; a callback or a configuration that it cannot use), 69 the
database is not there in time, 78 configuration or secrets cannot be read, 143 stopped; from LiteLLM also 1.
"""

from __future__ import annotations

import json
import logging.handlers
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

from boot.ahead import Ahead
from boot.database import Database
from boot.redaction import RedactedFormatter, RedactedStream, secret_values
from boot.serving import import_litellm, serve_guarded
from boot.words import EXIT_CONFIG, EXIT_REFUSED, fail, say

CONFIG = Path("/app/config/litellm_config.yaml")
SECRETS = Path("/run/secrets/litellm.json")
CA_BUNDLE = Path("/run/secrets/ca")
LOG = Path("/var/log/litellm/litellm.log")
SCRATCH = Path("/tmp/run-claude")  # noqa: S108 (a tmpfs of this container's own)
FILES = SCRATCH / "files"
ANSWERS_END_WITHIN = 5  # seconds after the signal to stop
EXIT_STOPPED = 128 + signal.SIGTERM


def stop_when_told() -> None:
    """End at once on SIGTERM until LiteLLM handles it: as PID 1 nothing would happen, in the imports for seconds."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))


def load_secrets(given: str = "") -> list[str]:
    """Put the secrets into this process's environment: so they are in no inspect and no image.

    Return those that may not show; none is printed from now on.

    :param given: in the place of what the file contains
    """
    if not given and not SECRETS.exists():
        return []
    try:
        text = given or SECRETS.read_text(encoding="utf-8")
        secrets = {str(name): str(value) for name, value in json.loads(text).items()}
        os.environ.update(dict(variable(name, value) for name, value in secrets.items()))
    except PermissionError:
        fail(f"{SECRETS} cannot be read by uid {os.getuid()}", EXIT_CONFIG)
    except (ValueError, AttributeError) as error:
        fail(f"{SECRETS} is no JSON object: {type(error).__name__}", EXIT_CONFIG)  # its text may hold a secret
    hidden = secret_values(secrets)
    sys.stdout = RedactedStream(sys.stdout, hidden)  # type: ignore[assignment]
    sys.stderr = RedactedStream(sys.stderr, hidden)  # type: ignore[assignment]
    return hidden


def variable(name: str, value: str) -> tuple[str, str]:
    """Return a variable; one of a file of the user's names a file here, in memory and for this user alone."""
    if not name.startswith("file:"):
        return name, value
    name = name.removeprefix("file:")
    FILES.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = FILES / name
    path.unlink(missing_ok=True)  # of a start before in the same container
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(value)
    return name, str(path)


def trust_own_ca() -> None:
    """Trust the user's CA beside the public ones, not in their place."""
    if not CA_BUNDLE.is_file() or not (own := CA_BUNDLE.read_bytes()):
        return
    import certifi

    merged = SCRATCH / "ca.pem"
    merged.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + own)
    try:
        ssl.create_default_context(cafile=merged)
    except ssl.SSLError as error:
        fail(f"the CA bundle (RUN_CLAUDE_CA_BUNDLE) is no PEM file of certificates: {error}", EXIT_CONFIG)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        os.environ.setdefault(name, str(merged))


def read_config() -> dict[str, Any]:
    """Return LiteLLM's configuration; names the line of what is no YAML."""
    import yaml

    try:
        config = yaml.safe_load(CONFIG.read_bytes())
    except OSError as error:
        fail(f"{CONFIG.name} cannot be read: {error.strerror}", EXIT_CONFIG)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        fail(f"{CONFIG.name} is no valid YAML: {error}", EXIT_CONFIG)
    if not isinstance(config, dict):
        fail(f"{CONFIG.name} is no mapping", EXIT_CONFIG)
    return config


def check_callbacks(config: dict[str, Any]) -> None:
    """Name a callback that does not load; LiteLLM ends on one with a traceback of sixty lines."""
    from litellm.proxy.types_utils.utils import get_instance_fn

    settings = config.get("litellm_settings") or {}
    names: list[object] = [row.get("custom_handler") for row in settings.get("custom_provider_map") or []]
    for key in ("callbacks", "success_callback", "failure_callback"):
        value = settings.get(key) or []
        names += [value] if isinstance(value, str) else value
    for name in names:
        if isinstance(name, str) and "." in name:
            try:
                get_instance_fn(name, str(CONFIG))
            except Exception as error:  # a callback is anybody's code
                cause = error.__cause__ or error  # LiteLLM wraps an ImportError without saying what is missing
                fail(f"callback {name}: {type(cause).__name__}: {cause}", EXIT_REFUSED)


def keep_log(hidden: list[str]) -> None:
    """Write the log to the volume as well, bounded: the engine's own ends with the container, at each recreation."""
    from uvicorn.config import LOGGING_CONFIG

    try:
        handler = logging.handlers.RotatingFileHandler(LOG, maxBytes=10_000_000, backupCount=3)
    except OSError as error:  # of another uid's, after the user has changed
        say(f"no log file: {error}")
        return
    handler.setFormatter(RedactedFormatter("%(asctime)s %(name)s %(levelname)s %(message)s", hidden))
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).addHandler(handler)
    LOGGING_CONFIG["handlers"]["file"] = {"()": lambda: handler}
    for name in ("uvicorn", "uvicorn.access"):
        LOGGING_CONFIG["loggers"][name]["handlers"].append("file")


def leave_time_to_write() -> None:
    """Cut streams off in time for LiteLLM to write what it knows of the last requests.

    Told to stop, the server waits for the answers that are under way; without a limit until the engine kills it, after
    10 s (the compose file), and with it everything that was not written yet. So ``ANSWERS_END_WITHIN`` is its limit.
    """
    os.environ["GRACEFUL_SHUTDOWN_TIMEOUT"] = "1"  # LiteLLM's own wait, after that one


def tell_when_it_serves() -> None:
    """Say "serving" when the server is about to listen: from then on its log has words from outside."""
    from uvicorn.lifespan.on import LifespanOn

    begin = LifespanOn.startup

    async def startup(lifespan: Any) -> None:
        await begin(lifespan)
        if not lifespan.should_exit:
            say("serving")

    LifespanOn.startup = startup  # type: ignore[method-assign]


def main() -> None:
    """Start the proxy; returns when it has ended."""
    stop_when_told()
    SCRATCH.mkdir(exist_ok=True)
    hidden = load_secrets()
    say("entrypoint")
    trust_own_ca()
    config = read_config()
    ahead = None
    if database := Database.from_environment():
        (SCRATCH / "database").touch()  # the health check demands it
        ahead = Ahead(database, config.get("general_settings") or {})
        ahead.begin()
    import_litellm()
    say("litellm imported")
    check_callbacks(config)
    keep_log(hidden)
    if ahead:
        ahead.hand_over()
    leave_time_to_write()
    tell_when_it_serves()
    serve_guarded(config, hidden, timeout_graceful_shutdown=ANSWERS_END_WITHIN)
    from litellm.proxy.proxy_cli import run_server

    sys.argv = ["litellm", "--host", "0.0.0.0", "--port", "4444", "--config", str(CONFIG)]  # noqa: S104 (a container)
    run_server()


if __name__ == "__main__":
    main()
