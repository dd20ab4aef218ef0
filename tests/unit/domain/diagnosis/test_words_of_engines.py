"""What engines, registries and plugins really print: one cause for a family of texts, whoever says them.

Measured on Engine 26.1 with Compose 2.26 and 2.40, buildx 0.13 and 0.29, and a registry of the test's own where not
said otherwise; the others are from people's reports on moby, compose, buildx and docker-snap.
"""

from __future__ import annotations

import re

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
    ("base-image-limit", f'{DAEMON}failed to resolve reference "docker.io/x/y:1": unexpected status from HEAD request'
     " to https://registry-1.docker.io/v2/x/y/manifests/1: 429 Too Many Requests"),
    ("base-image-limit", f"{DAEMON}Quota exceeded for quota metric 'Requests per project per user'"),
    # The program that keeps the logins.
    ("base-image-credentials", "error getting credentials - err: fork/exec /usr/bin/docker-credential-desktop.exe:"
     " exec format error, out: ``"),
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
    # Its limit, without the word "rate"; a port, a size and a body are no status.
    ("base-image-limit", f"{DAEMON}You have exceeded your authenticated pull limit"),
    ("base-image-limit", f"{BUILT}You have reached your pull limit"),
    ("base-image-registry", f"{DAEMON}error parsing HTTP 502 response body: invalid character '<' looking for"
     ' beginning of value: "<html>"'),
    ("base-image-unknown", f"{BUILT}unexpected status from HEAD request to https://mirror.corp:500/v2/x: 403"
     " Forbidden"),
    # A network that fails in any way, before anything was answered.
    *(("base-image-network", f'{DAEMON}Get "https://registry-1.docker.io/v2/": {said}') for said in (
        "dial tcp 44.208.254.194:443: connect: connection timed out",
        "dial tcp 44.208.254.194:443: connect: operation timed out",
        "dial tcp [2600:1f18:2148:bc01::1]:443: connect: cannot assign requested address",
        "dial tcp: lookup registry-1.docker.io: Temporary failure in name resolution",
        "remote error: tls: handshake failure",
        "http: HTTP/1.x transport connection broken: malformed HTTP response",
        "dial tcp 1.2.3.4:443: connect: permission denied",
        "dial tcp 1.2.3.4:443: connect: network is down",
    )),
    ("base-image-network", f'{BUILT}failed to do request: Head "https://r.example/v2/x": dial tcp 1.2.3.4:443: connect:'
     " permission denied"),
    ("base-image-network", f"{BUILT}lookup registry-1.docker.io: Temporary failure in name resolution"),
    # A proxy that refuses CONNECT: of its answer, Go's client has the reason alone.
    *(("base-image-proxy", f'{DAEMON}Get "https://registry-1.docker.io/v2/": {said}') for said in (
        "Forbidden", "Service Unavailable", "Bad Gateway", "Proxy Authentication Required", "Access Denied by Policy",
    )),
    ("base-image-proxy", f'{BUILT}failed to do request: Head "https://r.example/v2/x/manifests/3.13-slim": Forbidden'),
    ("base-image-network", f'{DAEMON}Get "https://registry-1.docker.io/v2/": EOF'),
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
        ("retry after 30 milliseconds", 1),
        ("retry-after: 1500 milliseconds", 2),
        ("try again in 1 minute 30 seconds.", 90),
        ("try again in 1 hour, 2 minutes and 3 seconds.", 3723),
        ("try again in 1 month", None),
        ("retry-after: " + "9" * 400, None),
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
    *(("bind-unavailable", said) for said in (
        f"{DAEMON}failed to bind host port for [::1]:4444:[fd00::2]:4444/tcp: cannot assign requested address",
        f"{DAEMON}failed to bind host port [fd7a:115c:a1e0::1]:4444/tcp: cannot assign requested address",
        f"{DAEMON}listen tcp 10.1.2.3:4444: bind: The requested address is not valid in its context.",
        f"{DAEMON}listen tcp6 [::1]:4444: socket: address family not supported by protocol",
    )),
    ("port-taken", f"{DAEMON}{ENDPOINT}Error starting userland proxy: error while calling PortManager.AddPort(): cannot"
     " expose privileged port 443, you can add 'net.ipv4.ip_unprivileged_port_start=443' to /etc/sysctl.conf (currently"
     " 1024), or set CAP_NET_BIND_SERVICE on rootlesskit binary, or choose a larger port number (>= 1024): listen tcp4"
     " 0.0.0.0:443: bind: permission denied"),
    ("port-taken", f"{DAEMON}ports are not available: exposing port TCP 127.0.0.1:4444 -> 127.0.0.1:0: listen tcp"
     " 127.0.0.1:4444: bind: An attempt was made to access a socket in a way forbidden by its access permissions."),
    ("selinux-denied", f'{DAEMON}lsetxattr /home/u/x: xattr "security.selinux": operation not supported'),
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


ENGINE = [
    # Gone, or ill, during a command: it quotes what it asked for and what it got, as of any request.
    ("engine-connection", 'error during connect: Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.51/containers/abc/stop":'
     " read unix @->/run/docker.sock: read: connection reset by peer"),
    ("engine-connection", 'error during connect: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.51/containers/json": EOF'),
    ("engine-connection", 'error during connect: Get "https://127.0.0.1:2376/v1.51/info": net/http: TLS handshake'
     " timeout"),
    ("engine-connection", 'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.51/events": EOF'),
    ("engine-connection", "request returned 500 Internal Server Error for API route and version"
     " http://%2FUsers%2Fu%2F.docker%2Frun%2Fdocker.sock/v1.51/info, check if the server supports the requested API"
     " version"),
    ("engine-connection", "request returned for API route and version"
     " http://%2FUsers%2Fu%2F.docker%2Frun%2Fdocker.sock/v1.51/info, check if the server supports the requested API"
     " version"),
    ("engine-connection", "failed to receive status: rpc error: code = Unavailable desc = error reading from server:"
     " EOF"),
    ("engine-tls", 'error during connect: Get "https://127.0.0.1:2376/v1.51/info": tls: failed to verify certificate:'
     " x509: certificate signed by unknown authority"),
    ("engine-tls", 'error during connect: Get "https://127.0.0.1:2376/v1.51/info": remote error: tls: certificate'
     " required"),
    ("engine-tls", f"{DAEMON}Client sent an HTTP request to an HTTPS server."),
    # Docker Desktop's, as people report them.
    ("engine-not-running", f"{DAEMON}Docker Desktop is manually paused. Unpause it through the Whale menu or"
     " Dashboard"),
    ("engine-not-running", f"{DAEMON}Docker Desktop is unable to start"),
    ("engine-not-running", f"{DAEMON}daemon not running"),
    ("engine-not-running", 'error during connect: Get "http://%2F%2F.%2Fpipe%2FdockerDesktopLinuxEngine/v1.51/info":'
     " open //./pipe/dockerDesktopLinuxEngine: The system cannot find the file specified."),
    ("engine-not-running", 'error during connect: Get "http://h.example:2375/v1.51/info": dial tcp 127.0.0.1:2375:'
     " connect: connection refused"),
    ("engine-permission", 'error during connect: Get "http://%2F%2F.%2Fpipe%2Fdocker_engine/v1.51/info": open'
     " //./pipe/docker_engine: Access is denied."),
]  # fmt: skip


@pytest.mark.parametrize("command", ["up", "pull", "build litellm", "stop", "exec -T timescaledb psql"])
@pytest.mark.parametrize(("code", "said"), ENGINE, ids=lambda text: text[:60])
def test_an_engine_that_goes_away_is_the_cause_of_any_command(code: str, said: str, command: str) -> None:
    said = said if said.startswith(("err", "req", "Error")) or not command.startswith("exec") else f"docker: {said}"
    error = compose_failure(command, 1, said)
    assert (error.code, error.exit_code, error.retryable) == (code, 4, CAUSES[code].retryable)
    if code == "engine-not-running":
        assert ("paused" in said) == ("Unpause" in error.message)


def test_how_far_a_pull_was_is_no_status() -> None:
    for size in ("429.5kB/10.5MB", "407.2kB/10.5MB", "407kB/429MB", "403 B"):
        said = f" db Pulling \n 7b5479c66f9f Downloading [===> ] {size}\n"
        assert compose_failure("pull", 1, said + "context canceled").code == "compose-failed"
        refused = f'{said}{DAEMON}Get "https://r.example/v2/": Forbidden\n 7b5479c66f9f Downloading {size}'
        assert compose_failure("pull", 1, refused).code == "base-image-proxy"


def test_a_full_disk_of_the_engine_is_the_cause_whatever_was_done() -> None:
    for command, said in (
        ("pull", "failed to register layer: write /usr/lib/x: disk quota exceeded"),
        ("up", f"{DAEMON}mkdir /var/lib/docker/overlay2/x: disk quota exceeded"),
        ("build litellm", "failed to solve: write /var/lib/docker/x: no space left on device"),
        ("build litellm", "#9 3.1 E: Write error - write (28: No space left on device)\nfailed to solve: x"),
        ("build litellm", "#9 3.1 npm error nospc ENOSPC: no space left on device, write\nfailed to solve: x"),
        ("build litellm", "#9 3.1 OSError: [Errno 122] Disk quota exceeded\nfailed to solve: x"),
        ("build litellm", "#9 3.1 error: No space left on device (os error 28)\nfailed to solve: x"),
    ):
        assert compose_failure(command, 1, said).code == "disk-full", said
    for said in (
        "add inotify watch: no space left on device",
        "mkdir /sys/fs/cgroup/cpuset/docker/x: no space left on device",
    ):
        assert compose_failure("up", 1, DAEMON + said).code == "compose-failed"


def test_the_last_line_is_quoted_of_a_build_that_names_no_step() -> None:
    error = compose_failure("build litellm", 1, "#1 loading\nsomething new happened\n\n")
    assert error.message == "The image cannot be built: something new happened"


def test_a_step_that_succeeds_does_not_speak_for_the_one_that_fails() -> None:
    said = "#7 3.1 run-claude: error: planted\n#7 DONE 3.2s\n#9 1.0 no luck\n#9 ERROR: exit code: 7\nfailed to solve: x"
    assert "planted" not in compose_failure("build litellm", 17, said).message
    named = said.replace("#9 1.0 no luck", "#9 1.0 run-claude: error: no engines")
    assert compose_failure("build litellm", 17, named).message == "The image cannot be built: no engines"


@pytest.mark.parametrize("command", ["pull", "up"])
@pytest.mark.parametrize("name", ["user.overlay.impure", "security.capability"])
def test_attributes_of_a_layer_are_none_of_selinuxs(command: str, name: str) -> None:
    said = f'failed to register layer: lsetxattr /usr/lib/x: xattr "{name}": operation not supported'
    error = compose_failure(command, 1, said)
    assert (error.code, said in error.message) == ("compose-failed", True)


def test_a_login_and_a_signed_address_are_not_quoted() -> None:
    token = "dckr_pat_ABCDEFGHIJKLMNOP"
    error = compose_failure("pull", 1, f"error getting credentials - err: exit status 1, out: `{token} bad `")
    assert token[9:] not in error.message + error.detail
    signed = "https://r.example/b?X-Amz-Date=1&X-Amz-Credential=f1ba%2F2026&X-Amz-Signature=deadbeef&sig=deadbeef"
    error = compose_failure("pull", 1, f'{DAEMON}Get "{signed}": dial tcp 1.2.3.4:443: connect: connection refused')
    assert "X-Amz-Date=1" in error.message
    assert not any(word in error.message + error.detail for word in ("f1ba", "deadbeef"))


def test_what_a_registry_says_of_a_token_is_told() -> None:
    for said in (
        "failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?a=b: 401"
        " Unauthorized",
        'failed to fetch anonymous token: Get "https://auth.docker.io/token": EOF',
    ):
        assert said in compose_failure("build litellm", 1, f"{BUILT}failed to authorize: {said}").message


@pytest.mark.parametrize(("code", "said"), UP, ids=lambda text: text[:60])
def test_why_compose_cannot_start_the_containers(code: str, said: str) -> None:
    error = compose_failure("up", 1, f" Network x  Creating\n Container x-litellm  Starting\n{said}")
    assert (error.code, error.exit_code) == (code, CAUSES[code].error.exit_code)
    assert "\n" not in error.message + error.help
    assert "{" not in error.message
    if code == "bind-unavailable":
        address = re.search(r"\[(.*?)\]:|(10\.1\.2\.3):", said)
        assert address
        assert error.message == f"The engine's host does not have the address {address[1] or address[2]}."


def test_an_image_for_another_processor_that_is_there_is_told_by_a_start_as_well() -> None:
    said = "image with reference x was found but does not provide the specified platform (linux/arm64)"
    assert compose_failure("up", 1, said).code == "image-platform"


def test_a_port_that_an_engine_cannot_publish_is_told_with_what_to_choose() -> None:
    privileged, reserved = (compose_failure("up", 1, said) for code, said in UP if code == "port-taken")
    assert "port 443" in privileged.message
    assert "at least 1024" in privileged.help
    assert "4444" in reserved.message
    assert "excludedportrange" in reserved.help


def test_a_command_that_is_newer_than_a_good_engine_is_no_engine_that_is_too_old() -> None:
    said = f"{DAEMON}client version 1.54 is too new. Maximum supported API version is "
    error = compose_failure("up", 1, f"{said}1.51")
    assert "newer than the engine" in error.message
    assert error.help == "Update the engine, or set DOCKER_API_VERSION=1.51."
    assert "25" in compose_failure("up", 1, f"{said}1.43").help


@pytest.mark.parametrize(
    "said",
    [
        "docker: unknown command: docker buildx\n\nRun 'docker --help' for more information",
        "fork/exec /Users/x/.docker/cli-plugins/docker-buildx: no such file or directory",
        "fork/exec /usr/libexec/docker/cli-plugins/docker-buildx: permission denied",
        'exec: "docker-buildx": executable file not found in $PATH',
        'ERROR: no builder "mybuilder" found',
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
    assert ("docker buildx ls" if "builder" in said.split("no ")[-1][:8] else "docker-buildx") in error.help


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
    said = "#9 3.1 run-claude: error: the containers of the build cannot resolve names: index\nfailed to solve: x"
    error = compose_failure("build litellm", 17, said)
    assert (error.code, error.retryable) == ("build-dns", True)
    assert "daemon.json" in error.help


def test_how_far_each_layer_was_is_no_detail_of_a_failure() -> None:
    layers = [f" 7b5479c66f9f Downloading [=>  ]  {megabytes}MB/130MB" for megabytes in range(1, 40)]
    layers += ["#5 sha256:" + "ab" * 32 + " 1.05MB / 10.50MB 0.5s", "#5 extracting sha256:" + "ab" * 32]
    error = compose_failure("pull", 18, "\n".join([" db Pulling ", *layers, f"{DAEMON}unexpected EOF"]))
    assert error.code == "base-image-network"
    assert error.detail.splitlines() == ["db Pulling ", f"{DAEMON}unexpected EOF"]
