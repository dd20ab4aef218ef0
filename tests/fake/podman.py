"""What Podman's service answers where it is asked as Docker: recorded, without what says nothing about the product.

4.3.1 is Debian 12's and 5.8.6 Debian forky's, each by `podman system service`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import FakeEngine

__all__ = ["VERSIONS", "becomes_podman"]

VERSIONS = {"4.3.1": "1.41", "5.8.6": "1.44"}  # and the version of Docker's API that it says it speaks


def becomes_podman(engine: FakeEngine, version: str, *, headers: bool = True) -> None:
    """Let the engine answer as Podman does.

    :param headers: with Podman's headers, which each of its answers has
    """
    engine.speaks = VERSIONS[version]
    if headers:
        engine.headers = {"Libpod-Api-Version": version, "Server": f"Libpod/{version} (linux)"}
    engine.host |= _info(version)


def _info(version: str) -> dict[str, Any]:
    return {
        "OperatingSystem": "debian",
        "OSType": "linux",
        "Driver": "vfs",
        "ServerVersion": version,
        "SecurityOptions": ["name=seccomp,profile=default"],
        "ProductLicense": "Apache-2.0",
        "BuildahVersion": {"4.3.1": "1.28.2", "5.8.6": "1.43.2"}[version],
        "CgroupVersion": "1",
        "Rootless": False,
    }
