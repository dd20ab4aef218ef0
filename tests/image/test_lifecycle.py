"""Starts that fail say why; stops are quick; what must last lasts."""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from .project import DEMO, MASTER_KEY, docker
from .upstream import ANSWER, Upstream

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Build, NewProject

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def with_callback(name: str) -> dict[str, Any]:
    return DEMO | {"litellm_settings": DEMO["litellm_settings"] | {"callbacks": [name]}}


BROKEN: list[tuple[str, Any, int, str]] = [
    ("no-yaml", "model_list: [\n  - a: b\n c: d", 78, "config.yaml is no valid YAML: "),
    ("no-mapping", "just text", 78, "config.yaml is no mapping"),
]


@pytest.mark.parametrize(("config", "exit_code", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_configuration_that_cannot_be_used_is_named_in_one_line(
    new_project: NewProject, config: Any, exit_code: int, said: str
) -> None:
    project = new_project(config=config)
    project.up("litellm")
    project.wait_for(project.litellm, "die")
    errors = [line for line in docker("logs", project.litellm).splitlines() if line.startswith("run-claude: error: ")]
    assert said.replace("config.yaml", "litellm_config.yaml") in errors[0]
    project.compose("stop")
    assert project.inspect(project.litellm)["State"]["ExitCode"] in (exit_code, 143)


def test_a_callback_that_fails_in_its_import_is_named(new_project: NewProject, tmp_path: Path) -> None:
    callbacks = tmp_path / "callbacks"
    callbacks.mkdir()
    (callbacks / "demo_provider.py").write_text("raise RuntimeError('planted')\n")
    (callbacks / "__init__.py").write_text("")
    project = new_project(files=["docker-compose.yaml", "docker-compose.callbacks.yaml"])
    project.variables["RUN_CLAUDE_CALLBACKS"] = str(callbacks)
    project.up("litellm")
    project.wait_for(project.litellm, "die")
    said = "run-claude: error: callback callbacks.demo_provider.handler: RuntimeError: planted"
    assert said in docker("logs", project.litellm)


# As after the import of LiteLLM, of which this needs a third (2 s of CPU).
CHECK_CALLBACKS = """
import gc, json, sys
gc.disable()
sys.path.insert(0, "/app")
import entrypoint
for config in json.loads(sys.argv[1]):
    try: entrypoint.check_callbacks(config)
    except SystemExit as end: print("exit", end.code, file=sys.stderr)
"""


def test_a_callback_that_is_not_there_is_named(image: str) -> None:
    expected = {
        "callbacks.absent.instance": "No module named 'callbacks.absent'",
        "callbacks.demo_provider.absent": "has no attribute 'absent'",
    }
    configs = json.dumps([with_callback(name) for name in expected])
    argv = ("python", image, "-c", CHECK_CALLBACKS, configs)
    told = docker("run", "--rm", "--tmpfs", "/tmp", "--entrypoint", *argv).splitlines()
    for (name, said), line, end in zip(expected.items(), told[-4::2], told[-3::2], strict=True):
        assert f"run-claude: error: callback {name}: " in line
        assert said in line
        assert end == "exit 3"


def test_secrets_that_cannot_be_read_are_named_and_not_shown(new_project: NewProject) -> None:
    project = new_project(secrets={"LITELLM_MASTER_KEY": MASTER_KEY})
    project.write()
    (project.folder / "secrets.json").write_text(f'{{"LITELLM_MASTER_KEY": "{MASTER_KEY}"')
    project.write = lambda: None  # type: ignore[method-assign]
    project.up("litellm")
    project.wait_for(project.litellm, "die")
    log = docker("logs", project.litellm)
    assert "run-claude: error: /run/secrets/litellm.json is no JSON object" in log
    assert MASTER_KEY not in log


@pytest.mark.quiet
def test_it_runs_as_any_user_and_stops_quickly_also_in_the_middle_of_its_imports(new_project: NewProject) -> None:
    project = new_project(variables={"RUN_CLAUDE_CONTAINER_USER": "54321:54321"})
    project.up("litellm")
    project.wait_for(project.litellm)
    assert docker("exec", project.litellm, "id", "-u").strip() == "54321"
    began = time.monotonic()
    project.compose("stop", "litellm")
    assert time.monotonic() - began < 5, "not the 10 s after which the engine kills"
    assert project.inspect(project.litellm)["State"]["ExitCode"] in (0, 143)

    project.compose("rm", "--force", "litellm")
    project.up("litellm")
    project.wait_for(project.litellm, "start")
    began = time.monotonic()
    project.compose("stop", "litellm")
    assert time.monotonic() - began < 5
    assert "litellm imported" not in docker("logs", project.litellm)


def test_rows_survive_and_databases_of_an_older_volume_are_added(new_project: NewProject) -> None:
    project = new_project()
    project.up("timescaledb")
    project.wait_for(project.timescaledb)

    def query(database: str, sql: str) -> str:
        return docker("exec", project.timescaledb, "psql", "-U", "postgres", "-d", database, "-tAc", sql).strip()

    query("postgres", "CREATE TABLE kept AS SELECT 42 AS x")
    query("postgres", "DROP DATABASE litellm")
    query("postgres", "DROP DATABASE run_claude WITH (FORCE)")
    project.compose("down")
    project.up("timescaledb")
    project.wait_for(project.timescaledb)
    assert query("postgres", "SELECT x FROM kept") == "42"
    assert query("litellm", "SELECT 1") == "1"
    assert query("run_claude", "SELECT extname FROM pg_extension WHERE extname = 'timescaledb'") == "timescaledb"


# Runs in the image, which has what makes certificates: a CA, and a server's certificate of it.
CERTIFICATES = """
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

def certificate(name, issuer, key, signer, authority):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder(issuer or subject, subject, key.public_key(), x509.random_serial_number(),
        now - datetime.timedelta(days=1), now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    made = made.add_extension(x509.BasicConstraints(authority, None), True)
    usage = [not authority, False, False, False, False, authority, authority, False, False]
    made = made.add_extension(x509.KeyUsage(*usage), True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    return made.sign(signer, hashes.SHA256())

def pem(thing): return thing.public_bytes(serialization.Encoding.PEM).decode()

root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
root = certificate("planted-ca", None, root_key, root_key, True)
leaf = certificate("host.docker.internal", root.subject, key, root_key, False)
pkcs8 = serialization.PrivateFormat.PKCS8
private = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()).decode()
print(pem(root) + "====" + private + pem(leaf))
"""


# What a start does with its log, without the import of LiteLLM.
KEEP_LOG = (
    "import entrypoint, logging; entrypoint.keep_log([]); logging.getLogger('LiteLLM').error('of another container');"
    "print(entrypoint.LOG.read_text())"
)


def test_a_provider_behind_a_users_ca_is_reached_and_the_log_of_it_outlives_the_container(
    new_project: NewProject, image: str, tmp_path: Path
) -> None:
    authority, _, server = docker("run", "--rm", "--entrypoint", "python", image, "-c", CERTIFICATES).partition("====")
    for name, content in (("ca.pem", authority), ("server.pem", server)):
        (tmp_path / name).write_text(content)
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with Upstream(gateway, certificate=tmp_path / "server.pem") as upstream:
        params = {"model": "openai/x", "api_base": f"https://host.docker.internal:{upstream.port}", "api_key": "k"}
        config = DEMO | {"model_list": [{"model_name": "x", "litellm_params": params}]}
        project = new_project(config=config, variables={"RUN_CLAUDE_CA_BUNDLE": str(tmp_path / "ca.pem")})
        project.up("litellm")
        project.wait_for(project.litellm)
        body = {"model": "x", "messages": [{"role": "user", "content": "hi"}]}
        assert ANSWER in project.post("/v1/chat/completions", body).text
    merged = docker("exec", project.litellm, "cat", "/tmp/run-claude/ca.pem")
    assert merged.count("BEGIN CERTIFICATE") > 100, "beside the public ones"

    project.compose("rm", "--stop", "--force", "litellm")
    told = project.compose("run", "--rm", "--no-deps", "--entrypoint", "python", "litellm", "-c", KEEP_LOG)
    assert "/v1/chat/completions" in told
    assert "of another container" in told


def test_a_ca_bundle_that_is_none_is_named(new_project: NewProject, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nplanted\n-----END CERTIFICATE-----\n")
    project = new_project(variables={"RUN_CLAUDE_CA_BUNDLE": str(tmp_path / "ca.pem")})
    project.up("litellm")
    project.wait_for(project.litellm, "die")
    assert "run-claude: error: the CA bundle (RUN_CLAUDE_CA_BUNDLE) is no PEM file" in docker("logs", project.litellm)


def steps(output: str) -> dict[str, bool]:
    """The Dockerfile's steps that BuildKit's plain output names, and whether each came from the cache."""
    names = dict(re.findall(r"^#(\d+) \[(?!internal)\S+ \d+/\d+\] (?!FROM )(.+)$", output, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED$", output, re.MULTILINE))
    return {name: number in cached for number, name in names.items()}


# One after another with the builds of test_build.py: one without the cache lends BuildKit its steps to all that run.
@pytest.mark.xdist_group("tests/image/test_build.py")
def test_a_changed_callback_rebuilds_the_last_step_only(
    build: Build, image: str, services: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "services"
    shutil.copytree(services, changed)
    (changed / "README.md").write_text("a comment\n")
    before, output = build(changed)
    assert len(steps(output)) >= 5, output
    assert all(steps(output).values()), output
    with (changed / "callbacks/demo_provider.py").open("a") as file:
        file.write(f"# {uuid.uuid4()}\n")  # a change that no earlier run has left in the cache
    rebuilt, output = build(changed)
    assert [name for name, cached in steps(output).items() if not cached] == ["COPY callbacks/ /app/callbacks/"], output
    # Not the layers' digests: where a step was built twice (--no-cache), the cache holds two results and gives either.
    identities = [docker("image", "inspect", "--format", "{{.Id}}", name) for name in (before, rebuilt)]
    assert identities[0] != identities[1]
