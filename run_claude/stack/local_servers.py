"""Look at the servers of local models, from inside LiteLLM's container: it costs nothing and asks no model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio

from run_claude.config.secrets import provider_keys
from run_claude.deploy.litellm_config import address_of
from run_claude.deploy.loopback import is_local, is_loopback, reachable
from run_claude.docker.process import run
from run_claude.domain.lifecycle import Service
from run_claude.domain.local_servers import Seen, Server, server_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.settings import Settings
    from run_claude.errors import RunClaudeError
    from run_claude.stack.session import Session

__all__ = ["look_at_servers", "servers_of"]

_CONNECTS_WITHIN = 2.0  # seconds; it is on this machine, or next to it

# Runs in the container: connects to each address of its input, and asks what it speaks. Nothing of LiteLLM's is loaded.
_PROBE = """
import concurrent.futures as c, http.client as h, json, socket, sys, ssl
from urllib.parse import urlsplit
WITHIN = 2.0
def kind(body):
    try: found = json.loads(body)
    except ValueError: return 'other'
    if not isinstance(found, dict): return 'json'
    if isinstance(found.get('data'), list): return 'models'
    return 'ollama' if set(found) == {'version'} else 'json'
def answer(parts, path):
    secure = parts.scheme == 'https'
    more = {'context': ssl._create_unverified_context()} if secure else {}
    client = (h.HTTPSConnection if secure else h.HTTPConnection)(parts.hostname, parts.port, timeout=WITHIN, **more)
    try:
        client.request('GET', path, headers={'Accept': 'application/json'})
        got = client.getresponse()
        return got.status, kind(got.read(1000000))
    except TimeoutError: return -1, 'other'
    except (OSError, h.HTTPException): return 0, 'other'
    finally: client.close()
def look(url):
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == 'https' else 80)
    try: socket.create_connection((parts.hostname, port), WITHIN).close()
    except ConnectionRefusedError: return {'connected': 'refused'}
    except TimeoutError: return {'connected': 'timeout'}
    except socket.gaierror: return {'connected': 'unknown-host'}
    except OSError as error: return {'connected': type(error).__name__}
    base = parts.path.rstrip('/')
    root = base.removesuffix('/v1')
    paths = {'/models': base + '/models', '/v1/models': root + '/v1/models', '/api/version': root + '/api/version'}
    return {'answers': {name: answer(parts, path) for name, path in paths.items()}}
urls = json.load(sys.stdin)
with c.ThreadPoolExecutor(16) as pool: print(json.dumps(list(pool.map(look, urls))))
"""


def servers_of(catalogue: Catalogue, values: Mapping[str, str], names: Iterable[str] = ()) -> list[Server]:
    """Return the local servers of the models that can be used; of all, or of those named.

    :param values: the values of the variables that models read
    """
    wanted = set(names)
    found: dict[tuple[str, str], list[str]] = {}
    models = [catalogue.models[name] for name in wanted] if wanted else list(catalogue.models.values())
    for model in models:
        for row in model.usable_rows(values.__contains__):
            if (base := address_of(row, values)) and is_local(base):
                found.setdefault((row.provider, base), []).append(model.name)
    return [
        Server(models=tuple(dict.fromkeys(names)), provider=provider, base=base, inside=reachable(base))
        for (provider, base), names in found.items()
    ]


async def look_at_servers(
    session: Session, settings: Settings, catalogue: Catalogue, names: Iterable[str] = ()
) -> list[tuple[Server, RunClaudeError | None]]:
    """Return the local servers of models, each with why its models cannot answer. Empty if the proxy does not run.

    :raises EngineError: if the engine does not answer
    """
    values = provider_keys(settings.environment(), catalogue.variables)
    servers = servers_of(catalogue, values, names)
    litellm = (await session.look())[Service.LITELLM]
    if not servers or not litellm.running:
        return []
    rows = await _probed(session, litellm.id, [server.inside for server in servers])
    found = []
    for server, row in zip(servers, rows, strict=True):
        here = await _answers_here(server) if row.get("connected") else None
        found.append((server, server_failure(server, Seen.of(row, here=here))))
    return found


async def _probed(session: Session, container: str, urls: Sequence[str]) -> list[dict[str, object]]:
    """Return what the program in the container has seen; nothing of use if it could not run."""
    done = await run(
        ["docker", "exec", "-i", container[:12], "/opt/litellm/bin/python", "-S", "-c", _PROBE],
        env=session.endpoint.cli_environment(session.settings.environ),
        text=json.dumps(urls),
    )
    try:
        rows = json.loads(done.stdout)
        return rows if len(rows) == len(urls) else [{} for _ in urls]
    except ValueError:
        return [{} for _ in urls]


async def _answers_here(server: Server) -> bool | None:
    """Return whether this machine's own loopback answers; ``None`` for an address elsewhere."""
    host, port = server.place
    if not is_loopback(server.base):
        return None
    with anyio.move_on_after(_CONNECTS_WITHIN):
        for address in (host, "127.0.0.1", "::1"):
            try:
                stream = await anyio.connect_tcp(address, port)
            except OSError:
                continue
            await stream.aclose()
            return True
    return False
