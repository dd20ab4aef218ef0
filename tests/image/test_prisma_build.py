"""LiteLLM's database client is baked at build: with engines from npm, or Prisma's own from its host or a mirror."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .mirror import Mirror
from .npm_registry import Registry
from .project import REPOSITORY, docker, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Build

# One after another, as in test_build.py.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow(60),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("tests/image/test_prisma_build.py"),
]

CLI = REPOSITORY / "dep/litellm/prisma/cli/package-lock.json"


def run(image: str, *argv: str) -> str:
    """Run a command in an image, as nobody in particular and without a network."""
    options = ["--rm", "--user", "54321:54321", "--network", "none", "--entrypoint", argv[0]]
    return docker("run", *options, image, *argv[1:])


def label(image: str) -> str:
    told: str = json.loads(docker("image", "inspect", image))[0]["Config"]["Labels"]["run-claude.prisma"]
    return told


# --- the engines from npm -----------------------------------------------------------------------------------------


def test_an_image_says_that_it_has_the_engines_from_npm(database_image: str) -> None:
    assert label(database_image) == "on"


def test_everything_is_where_it_must_be_and_anybody_can_read_it(database_image: str) -> None:
    script = (
        "set -e; cd /opt/prisma; for name in query-engine schema-engine; do engines/$name --version; done;"
        'test -x "$PRISMA_CLI_PATH"; python -c "from prisma import Prisma"; ! command -v npm;'
        "find /opt/prisma ! -perm -o=r; find /opt/prisma -type d ! -perm -o=x; echo done"
    )
    commit = "ac9d7041ed77bcc8a8dbd2ab6616b39013829574"  # what Prisma 5.4.2 asks its engines for
    assert run(database_image, "sh", "-c", script).splitlines() == [
        f"query-engine {commit}",
        f"schema-engine-cli {commit}",
        "done",
    ]


def test_of_npm_there_is_prismas_command_line_and_nothing_else(database_image: str) -> None:
    found = run(database_image, "find", "/opt", "-name", "node_modules", "-prune")
    assert found.split() == ["/opt/prisma/binaries/node_modules"]
    packages = run(database_image, "sh", "-c", "cd /opt/prisma/binaries/node_modules; echo * @*/*")
    assert packages.split() == ["@prisma", "prisma", "@prisma/engines"]


@pytest.fixture(scope="module")
def with_types(database_image: str) -> dict[str, dict[str, Any]]:
    """What LiteLLM is with all types and all routes built, and with few as it is started."""
    volume = f"--volume={REPOSITORY / 'tests/image/inside/types_of_tables.py'}:/inside.py:ro"
    told = docker("run", "--rm", "--network", "none", volume, "--entrypoint", "python", database_image, "/inside.py")
    found: dict[str, dict[str, Any]] = json.loads(told.splitlines()[-1])
    return found


def test_a_start_imports_the_types_of_no_table_and_each_is_there_when_it_is_asked_for(
    with_types: dict[str, dict[str, Any]],
) -> None:
    few = with_types["few"]
    assert few["of a start"] == []
    assert few["asked for"] == ["prisma.types_of.LiteLLM_RetiredAgent"]
    assert (few["row"], few["nothing"]) == ({"original_agent_id": "x"}, False)


def test_litellms_interface_is_the_same_with_all_types_and_routes_and_as_it_is_started(
    with_types: dict[str, dict[str, Any]],
) -> None:
    everything, few = with_types["all"], with_types["few"]
    assert everything["hash"] == few["hash"]
    assert few["size"] > 1_000_000, "LiteLLM's hundreds of routes"


def build_with_registry(build: Build, services: Path, folder: Path, url: str) -> str:
    """Build with this registry of npm and return what the build said; the rest comes from its cache."""
    (folder / "secrets").write_text(f"NPM_CONFIG_REGISTRY={url}\n")
    options = ["--network", "host", "--no-cache-filter", "prisma-build", "--build-arg", "RUN_CLAUDE_PRISMA=on"]
    _, output = build(services, *options, "--secret", f"id=build,src={folder / 'secrets'}", check=False)
    assert "did not complete successfully" in output
    return output


@pytest.mark.usefixtures("database_image")  # what comes before the step is in the cache
def test_a_registry_that_cannot_be_reached_is_named_with_the_ways_on(
    build: Build, services: Path, tmp_path: Path
) -> None:
    output = build_with_registry(build, services, tmp_path, f"http://127.0.0.1:{free_port()}")
    assert "run-claude: error: Prisma's command line cannot be fetched from npm's registry (ECONNREFUSED)" in output
    for way in ("NPM_CONFIG_REGISTRY", "RUN_CLAUDE_PRISMA=native", "off"):
        assert way in output


@pytest.mark.usefixtures("database_image")
def test_a_registry_that_serves_other_files_is_named(build: Build, services: Path, tmp_path: Path) -> None:
    with Registry(CLI) as registry:
        output = build_with_registry(build, services, tmp_path, registry.url)
    assert "run-claude: error: npm's registry served another file than the lock names (EINTEGRITY)" in output
    assert "RUN_CLAUDE_PRISMA=native" in output


# --- Prisma's own engines, from a mirror ----------------------------------------------------------------------------


def with_mirror(mirror: Mirror) -> list[str]:
    arguments = {"RUN_CLAUDE_PRISMA": "native", "PRISMA_ENGINES_MIRROR": mirror.url}
    return ["--network", "host", *(f"--build-arg={name}={value}" for name, value in arguments.items())]


def test_native_asks_the_mirror_for_this_platforms_engines_only(build: Build, services: Path) -> None:
    with Mirror() as mirror:
        image, _ = build(services, *with_mirror(mirror))
        asked = {path.rpartition("/")[2] for path in mirror.requests}
        platforms = {path.split("/")[3] for path in mirror.requests}
    assert {"query-engine.gz", "schema-engine.gz"} <= asked
    assert len(platforms) == 1
    assert label(image) == "native"
    assert "native" not in run(image, "sh", "-c", "ls /opt/prisma/engines"), "one name on each platform"


@pytest.mark.parametrize("missing", ["query-engine", "schema-engine"])
def test_the_build_stops_when_a_native_engine_is_missing_and_names_the_ways_on(
    build: Build, services: Path, missing: str
) -> None:
    with Mirror(missing=frozenset({missing})) as mirror:
        _, output = build(services, *with_mirror(mirror), check=False)
        assert f"run-claude: error: Prisma's engines cannot be fetched from {mirror.url}: no {missing}" in output
    for way in ("PRISMA_ENGINES_MIRROR", "RUN_CLAUDE_PRISMA=on", "off"):
        assert way in output


@pytest.mark.internet
def test_the_real_native_engines_are_fetched_and_run(build: Build, services: Path) -> None:
    image, _ = build(services, "--build-arg", "RUN_CLAUDE_PRISMA=native")
    assert run(image, "/opt/prisma/engines/query-engine", "--version").startswith("query-engine ")
