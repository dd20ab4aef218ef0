"""What engines, registries and plugins really print: one cause for a family of texts, whoever says them.

Measured on Engine 26.1 with Compose 2.26 and 2.40, buildx 0.13 and 0.29, and a registry of the test's own where not
said otherwise; the others are from people's reports on moby, compose, buildx and docker-snap.
"""

from __future__ import annotations

import pytest

from run_claude.domain.causes.registry import CAUSES
from run_claude.domain.diagnosis import compose_failure
from run_claude.domain.diagnosis.pull import retry_after

BUILT = "failed to solve: r.example/x/python:3: failed to resolve source metadata for r.example/x/python:3: "
HUB = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
DAEMON = "Error response from daemon: "
HELPER = (
    'error getting credentials - err: exec: "docker-credential-nowhere": executable file not found in $PATH, out: ``'
)
STORE = (
    "error getting credentials - err: exit status 1, out: `pass not initialized: exit status 1: Error: password store"
    " is empty`"
)
CLOCK = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time "
EARLY, LATE = (
    "2026-11-29T00:33:41Z is before 2030-01-01T00:00:00Z",
    "2026-11-29T00:33:42Z is after 2021-01-01T00:00:00Z",
)
ENDPOINT = "driver failed programming external connectivity on endpoint zz-a (bf0eac52970f): "
REPORTED = "https://registry-1.docker.io/v2/library/rust/manifests/sha256:de6e"

PULLS = [
    # A registry's limit, as Docker Hub, ghcr.io, ECR and others say it, to both image stores and to BuildKit.
    ("base-image-limit", f"{DAEMON}toomanyrequests: {HUB}"),
    ("base-image-limit", f"{DAEMON}toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute"),
    ("base-image-limit", f"{DAEMON}toomanyrequests: Too Many Requests"),
    ("base-image-limit", f"{DAEMON}toomanyrequests: Rate exceeded"),
    ("base-image-limit", f"{DAEMON}error from registry: {HUB}"),  # containerd's store, from moby's source
    ("base-image-limit", f"{DAEMON}pull access denied for x/y, repository does not exist or may require 'docker login':"
     " denied: 127.0.0.1 request exceeded pull rate limit"),
    ("base-image-limit", f"{BUILT}unexpected status from HEAD request to https://r.example/v2/x: 429 Too Many"
     " Requests"),
    ("base-image-limit", f"failed to solve: rust: failed to copy: httpReadSeeker: failed open: unexpected status code"
     f" {REPORTED}: 429 Too Many Requests - Server message: toomanyrequests: {HUB}"),
    ("base-image-limit", "failed to solve: docker:20.10: pulling from host registry-1.docker.io failed with status code"
     " [manifests 20.10]: 429 Too Many Requests"),
    ("base-image-limit", f"{BUILT}failed to copy: httpReadSeeker: failed open: unexpected status from GET request to"
     f" {REPORTED}: 429 Too Many Requests\ntoomanyrequests: {HUB}"),
    # The program that keeps the logins.
    ("base-image-credentials", HELPER),
    ("base-image-credentials", BUILT + HELPER),
    ("base-image-credentials", STORE),
    ("base-image-credentials", BUILT + STORE),
    ("base-image-credentials", "error listing credentials - err: exec: \"docker-credential-desktop\":"
     " executable file not"
     " found in $PATH, out: ``"),
    ("base-image-credentials", "error getting credentials - err: exit status 1, out: `keychain cannot be"
     " accessed because"
     " the current session does not allow user interaction`"),
    # Clocks.
    ("base-image-clock", f'{DAEMON}Get "https://r.example/v2/": {CLOCK}{EARLY}'),
    ("base-image-clock", f'{BUILT}failed to do request: Head "https://r.example/v2/x": {CLOCK}{LATE}'),
    ("base-image-clock", f'{DAEMON}Get "https://r.example/v2/": x509: certificate has expired or is not yet valid'),
    # The registry is ill, refuses, or does not have it.
    ("base-image-registry", f"{DAEMON}received unexpected HTTP status: 503 Service Unavailable"),
    ("base-image-registry", f"{DAEMON}received unexpected HTTP status: 500 Internal Server Error"),
    ("base-image-registry", f"{BUILT}unexpected status from HEAD request to https://r.example/v2/x: 502 Bad Gateway"),
    ("base-image-unknown", f'{DAEMON}Head "https://r.example/v2/x": unauthorized: incorrect username or password'),
    ("base-image-unknown", f'{DAEMON}Head "https://r.example/v2/x": no basic auth credentials'),
    ("base-image-unknown", f"{BUILT}unexpected status from HEAD request to https://r.example/v2/x: 401 Unauthorized"),
    ("base-image-unknown", f"{DAEMON}unauthorized: authentication required"),
    ("base-image-unknown", f"{DAEMON}error from registry: manifest unknown"),
    ("base-image-unknown", f"{BUILT}pull access denied, repository does not exist or may require authorization: server"
     " message: insufficient_scope: authorization failed"),
    ("base-image-network", f"{BUILT}failed to authorize: failed to fetch anonymous token: Get"
     ' "https://r.example/token":'
     " dial tcp 192.0.2.1:443: connect: connection refused"),
    # For another processor.
    ("image-platform", f"{DAEMON}no matching manifest for linux/arm64/v8 in the manifest list entries"),
    ("image-platform", f"{DAEMON}no matching manifest for linux/arm64/v8 in the manifest list entries: no match for"
     " platform in manifest: not found"),
    ("image-platform", f"{BUILT}no match for platform in manifest: not found"),
    ("image-platform", f"{DAEMON}image with reference x was found but does not provide the specified platform"
     " (linux/arm64)"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "said"), PULLS, ids=lambda text: text[:40])
def test_why_an_image_cannot_be_pulled(code: str, said: str) -> None:
    command = "build litellm" if "failed to solve" in said else "pull"
    error = compose_failure(command, 1, f" db Pulling \n#3 [internal] load metadata\n------\n{said}")
    assert (error.code, error.exit_code, error.retryable) == (code, 5, CAUSES[code].retryable)
    assert "\n" not in error.message
    assert error.message.startswith("The base image r.example/x/python:3 " if BUILT in said else ("A base", "The base"))
    assert "{" not in error.message + error.help
    for word in ("executable file", "source metadata"):
        assert word not in error.message


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute", 1),
        ("Retry-After: 90", 90),
        ("too many requests, try again in 2 minutes", 120),
        ("rate exceeded; retry in 1h2m3.5s", 3724),
        ("try again in 20 seconds.", 20),
        (HUB, None),
        ("try again in a while", None),
    ],
)
def test_when_to_try_again_is_told_if_the_registry_says_it(said: str, seconds: int | None) -> None:
    assert retry_after(said) == seconds
    error = compose_failure("pull", 1, f"{DAEMON}toomanyrequests: {said}")
    assert error.retryable
    assert error.facts.get("retry_after") == seconds
    assert (f"in {seconds} s" if seconds else "over 6 hours") in error.help


def test_a_helper_that_is_missing_is_named_with_the_file_that_asks_for_it() -> None:
    error = compose_failure("pull", 1, HELPER)
    assert error.message.endswith("credential helper docker-credential-nowhere is not installed.")
    assert "config.json" in error.help
    assert "docker-credential-nowhere" in error.help


def test_a_clock_that_is_behind_is_told_with_what_it_says() -> None:
    assert "2026-11-29T00:33:41Z" in compose_failure("pull", 1, f'{DAEMON}Get "https://r": {CLOCK}{EARLY}').message


UP = [
    ("networks-used-up", f"failed to create network x: {DAEMON}could not find an available, non-overlapping"
     " IPv4 address"
     " pool among the defaults to assign to the network"),
    ("networks-used-up", f"failed to create network x: {DAEMON}all predefined address pools have been fully subnetted"),
    ("networks-used-up", f"{DAEMON}no available IPv4 addresses on this network's address pools: x (0a1b2c)"),
    ("network-overlap", f"failed to create network x: {DAEMON}Pool overlaps with other one on this address space"),
    ("network-overlap", f"failed to create network x: {DAEMON}invalid pool request: Pool overlaps with other"
     " one on this"
     " address space"),
    ("network-overlap", f"{DAEMON}cannot create network 0a1b (br-0a1b): conflicts with network 2c3d (br-2c3d): networks"
     " have overlapping IPv4"),
    ("network-removed", f"{DAEMON}network f62aca6e054afe3138c50cc486279cf629b041eafab5b54e957f29f06b64cadb not found"),
    ("network-removed", f"{DAEMON}failed to set up container networking: network 4ee23502aca6e08e3df03d63 not found"),
    ("name-taken", 'network x was found but has incorrect label com.docker.compose.network set to ""'),
    ("bind-unavailable", f"{DAEMON}{ENDPOINT}Error starting userland proxy: listen tcp4 10.1.2.3:7777: bind:"
     " cannot assign"
     " requested address"),
    ("bind-unavailable", f"{DAEMON}failed to set up container networking: {ENDPOINT}failed to bind host port"
     " 10.1.2.3:7777/tcp: cannot assign requested address"),
    ("bind-unavailable", f"{DAEMON}ports are not available: exposing port TCP 10.1.2.3:7777 -> 127.0.0.1:0: listen tcp"
     " 10.1.2.3:7777: bind: can't assign requested address"),
    ("files-out-of-reach", "open /home/u/.local/share/run-claude/services/docker-compose.yaml: permission denied"),
    ("files-out-of-reach", "open /home/u/.local/share/run-claude/services/docker-compose.yaml: no such file or"
     " directory"),
    ("files-out-of-reach", "stat /home/u/.local/state/run-claude/compose.env: permission denied"),
    ("files-out-of-reach", "Couldn't find env file: /home/u/.local/state/run-claude/compose.env"),
    ("files-out-of-reach", f"{DAEMON}invalid mount config for type \"bind\": bind source path does not exist:"
     " /home/u/.l/x"),
    ("files-out-of-reach", f"{DAEMON}error while creating mount source path '/opt/x': mkdir /opt/x: read-only"
     " file system"),
    ("files-out-of-reach", f"{DAEMON}Mounts denied: \nThe path /data/x is not shared from the host and is not known to"
     " Docker.\nYou can configure shared paths from Docker -> Preferences... -> Resources -> File Sharing."),
    ("files-out-of-reach", f"{DAEMON}Mounts denied: approving /Users/u/Desktop/x: file does not exist"),
    ("selinux-denied", f"{DAEMON}SELinux relabeling of /home/u/x is not allowed: \"operation not supported\""),
    ("selinux-denied", f"{DAEMON}error setting label on mount source '/usr/x': relabeling content in /usr is"
     " not allowed"),
    ("selinux-denied", f"{DAEMON}lsetxattr /home/u/x: operation not supported"),
    ("docker-cli-too-old", f"{DAEMON}client version 1.43 is too old. Minimum supported API version is 1.44,"
     " please upgrade"
     " your client to a newer version"),
    ("engine-too-old", f"{DAEMON}client version 1.47 is too new. Maximum supported API version is 1.43"),
    ("image-platform", f"{DAEMON}failed to create task for container: exec /usr/bin/tini: exec format error: unknown"),
    ("database-image", f"{DAEMON}failed to create task for container: runc create failed: exec: \"/bin/sh\":"
     " stat /bin/sh:"
     " no such file or directory: unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "said"), UP, ids=lambda text: text[:60])
def test_why_compose_cannot_start_the_containers(code: str, said: str) -> None:
    error = compose_failure("up", 1, f" Network x  Creating\n Container x-litellm  Starting\n{said}")
    assert (error.code, error.exit_code) == (code, CAUSES[code].error.exit_code)
    assert "\n" not in error.message + error.help
    assert "{" not in error.message


@pytest.mark.parametrize(
    "said",
    [
        "compose build requires buildx 0.17 or later",
        "compose build requires buildx 0.17.0 or later",
        "Step 2/3 : RUN --mount=type=tmpfs,target=/tmp echo hi\nthe --mount option requires BuildKit. Refer to"
        " https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled",
        "ERROR: BuildKit is enabled but the buildx component is missing or broken.\n       Install the buildx"
        " component",
        "panic: runtime error: slice bounds out of range [1:0]\n\ngoroutine 28 [running]:\n"
        "github.com/docker/compose/v2/pkg/compose.(*composeService).getBuildxPlugin(0xc0)",
    ],
)
def test_a_build_without_buildx_names_it(said: str) -> None:
    error = compose_failure("build litellm", 1, said)
    assert (error.code, error.exit_code) == ("buildx-missing", 4)
    assert "docker-buildx" in error.help


def test_a_warning_about_buildx_is_no_reason() -> None:
    warning = 'level=warning msg="Docker Compose is configured to build using Bake, but buildx isn\'t installed"'
    ended = 'failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 1'
    assert compose_failure("build litellm", 1, f"{warning}\n{ended}").code == "build-failed"


def test_a_crash_of_compose_is_told_by_its_first_line() -> None:
    error = compose_failure(
        "up", 2, "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.go:78 +0x95"
    )
    assert (error.code, error.message) == (
        "compose-failed",
        "docker compose up failed: panic: runtime error: index out of range",
    )


def test_a_step_that_cannot_resolve_names_says_so_itself() -> None:
    said = "#9 3.1 run-claude: error: the containers of the build cannot resolve names: pypi.org\nfailed to solve: x"
    error = compose_failure("build litellm", 17, said)
    assert (error.code, error.retryable) == ("build-dns", True)
    assert "daemon.json" in error.help
