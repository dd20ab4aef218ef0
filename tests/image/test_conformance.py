"""Every exchange through the locked LiteLLM in its container, as it is shipped: one container for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.conformance.deployments import ACCOUNT, model_list
from tests.conformance.exchange import LOGIN
from tests.conformance.exchanges import EXCHANGES
from tests.conformance.profiles import profiles_table
from tests.conformance.runner import cases, run
from tests.conformance.stub import Stub
from tests.conformance.target import TARGETS
from tests.conformance.test_patches import PATCHES

from .project import DEMO, MASTER_KEY, Project, docker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conformance.runner import Case, Outcome

    from .conftest import Build

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

CASES = cases(EXCHANGES.values(), short=True)


def through(
    image: str, services: Path, bases: Mapping[str, str], folder: Path, todo: list[Case], *, ours: bool
) -> dict[str, Outcome]:
    """Run cases through LiteLLM in a container of this image, and return how each went.

    :param ours: with all our callbacks, as an installation has them
    """
    address = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with Stub(EXCHANGES, address, planted=(LOGIN, MASTER_KEY)) as stub:
        base = f"http://host.docker.internal:{stub.port}"
        account = docker("run", "--rm", "--entrypoint", "python", image, "-c", ACCOUNT, f"{base}/token").strip()
        config = {**DEMO, "model_list": model_list((case.exchange for case in todo), base, account)}
        if not ours:
            # The profiles stay: a patch makes LiteLLM heed them where it calls no hook.
            config["litellm_settings"] = {"drop_params": True, "callbacks": ["callbacks.profile_routing.instance"]}
        project = Project(folder=folder, services=services, image=image, bases=bases, config=config)
        project.put_profiles(profiles_table(todo))
        try:
            project.up("litellm")
            project.wait_for(project.litellm)
            outcomes: dict[str, Outcome] = {}
            anyio.run(lambda: run(todo, stub, f"http://127.0.0.1:{project.port}", MASTER_KEY, outcomes=outcomes))
        finally:
            project.remove()
        assert stub.strangers == []
    return outcomes


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, services: Path, image: str, bases: Mapping[str, str]
) -> dict[str, Outcome]:
    """How every case went."""
    return through(image, services, bases, tmp_path_factory.mktemp("conformance"), CASES, ours=True)


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_an_exchange_goes_as_it_should(outcomes: dict[str, Outcome], name: str) -> None:
    assert list(outcomes[name].problems) == []


NEEDED = sorted({name for patch in PATCHES.values() for name in patch["needed_by"]})


@pytest.fixture(scope="module")
def bare_outcomes(
    tmp_path_factory: pytest.TempPathFactory, services: Path, build: Build, bases: Mapping[str, str]
) -> dict[str, Outcome]:
    """How the cases that patches are for go through the locked LiteLLM without them."""
    image, _ = build(services, "--build-arg", "RUN_CLAUDE_PATCHES=off")
    todo = [case for case in cases(EXCHANGES.values()) if case.name in NEEDED]
    return through(image, services, bases, tmp_path_factory.mktemp("bare"), todo, ours=False)


@pytest.mark.parametrize("name", NEEDED)
def test_a_patch_is_still_needed(bare_outcomes: dict[str, Outcome], name: str) -> None:
    assert bare_outcomes[name].problems, "LiteLLM has mended it: remove the patch"


def test_the_suite_is_as_large_as_it_says() -> None:
    assert len(EXCHANGES) >= 80
    assert {case.target.name for case in CASES} == set(TARGETS)
