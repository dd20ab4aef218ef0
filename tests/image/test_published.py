"""Published configurations, as run-claude hands them on: the real LiteLLM takes each. What it imports is compiled."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.config import litellm_variables
from run_claude.config.catalogue import load_catalogue
from run_claude.config.paths import Paths
from run_claude.deploy.litellm_config import render_litellm_config
from tests.published import PUBLISHED, names, variables

from .project import MASTER_KEY, REPOSITORY, docker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

INSIDE = REPOSITORY / "tests/image/inside/configurations.py"
ACCOUNT = '{"type": "service_account", "private_key": "planted"}'


@pytest.fixture(scope="module")
def told(image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What LiteLLM says of each configuration, after one import of it for all."""
    tmp_path = tmp_path_factory.mktemp("published")
    folder = tmp_path / "configurations"
    folder.mkdir()
    handed_over = {"LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOG": "ERROR"}
    for name, text in PUBLISHED.items():
        home = tmp_path / name
        home.mkdir()
        (home / "models.yaml").write_text(text)
        catalogue = load_catalogue(Paths.resolve({"RUN_CLAUDE_HOME": str(home), "RUN_CLAUDE_STATE": str(home)}))
        needed = {group[0] for model in names(text) for row in catalogue.models[model].rows for group in row.needs}
        values = {variable: _value(variable) for variable in needed | variables(text)}
        rendered = render_litellm_config(catalogue, values)
        (folder / f"{name}.yaml").write_bytes(rendered.content)
        (folder / f"{name}.rows").write_text(json.dumps(rendered.document["model_list"]))
        handed_over |= {variable: values[variable] for variable in rendered.variables & values.keys()}
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "env").write_text("".join(f"{name}={value}\n" for name, value in handed_over.items()))
    said = docker(
        *("run", "--rm", "--network", "none", "--env-file", str(tmp_path / "env"), "--tmpfs", "/tmp"),
        "--add-host=host.docker.internal:127.0.0.1",  # what run-claude makes of an address of this machine
        *("--volume", f"{folder}:/configurations:ro", "--volume", f"{INSIDE}:/inside.py:ro"),
        *("--entrypoint", "python", image, "/inside.py", "/configurations"),
    )
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


def test_the_real_litellm_takes_every_published_configuration(told: dict[str, Any]) -> None:
    found = told["configurations"]
    assert set(found) == set(PUBLISHED)
    assert {name: why for name, why in found.items() if why} == {}


def test_all_that_a_start_imports_is_bytecode(told: dict[str, Any]) -> None:
    assert told["uncompiled"] == []


def _value(variable: str) -> str:
    if variable.endswith("_PORT"):
        return "6379"
    if variable == "REDIS_HOST":
        return "127.0.0.1"  # inside/configurations.py answers there
    if variable.endswith(("_BASE", "_URL", "_HOST", "_ENDPOINT", "_LINK")) or variable == "GATEWAY":
        return "https://planted.invalid"
    return ACCOUNT if variable.endswith("CREDENTIALS") else f"planted-{variable.lower()}-0123456789"


def test_the_variables_that_we_know_of_are_in_litellms_source(image: str) -> None:
    outside = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"}  # boto3's, azure's
    known = {name for names in litellm_variables.CALLBACKS.values() for name in names} | litellm_variables.FILES
    known |= {name for groups in litellm_variables.PROVIDERS.values() for group in groups for name in group}
    script = (
        "import pathlib, re, sysconfig;"
        "texts = (p.read_text() for p in pathlib.Path(sysconfig.get_path('purelib'), 'litellm').rglob('*.py'));"
        "print(*sorted({w for t in texts for w in re.findall(r'[A-Z][A-Z0-9]+_[A-Z0-9_]+', t)}))"
    )
    found = set(docker("run", "--rm", "--entrypoint", "python", image, "-c", script).split())
    assert known - outside <= found


def test_a_file_of_the_users_is_in_memory_and_for_litellm_alone(image: str, tmp_path: Path) -> None:
    secrets = tmp_path / "litellm.json"
    secrets.write_text(json.dumps({"file:VERTEXAI_CREDENTIALS": ACCOUNT, "PLAIN": "x"}))
    secrets.chmod(0o644)
    script = (
        "import os, sys; sys.path.insert(0, '/app'); import entrypoint as e;"
        "e.SCRATCH.mkdir(); e.load_secrets(); e.load_secrets();"
        "path = os.environ['VERTEXAI_CREDENTIALS']; found = os.stat(path);"
        "print(os.environ['PLAIN'], oct(found.st_mode), found.st_uid == os.getuid(), os.path.ismount('/tmp'), path);"
        "print(open(path).read())"
    )
    said = docker(
        *("run", "--rm", "--read-only", "--tmpfs", "/tmp", "--volume", f"{secrets}:/run/secrets/litellm.json:ro"),
        *("--entrypoint", "python", image, "-c", script),
    ).splitlines()
    assert said[0] == f"x {oct(stat.S_IFREG | 0o400)} True True /tmp/run-claude/files/VERTEXAI_CREDENTIALS"
    assert said[1] == ACCOUNT
