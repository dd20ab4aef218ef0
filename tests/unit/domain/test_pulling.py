"""How far a pull is: lines as Compose 2.26 and 2.40 and BuildKit print them, of a registry of the test's own."""

from __future__ import annotations

import pytest

from run_claude.domain.pulling import Pulling

BAR = "[===>                                               ]"
ONE, TWO = "d0046f43a407" + "5" * 52, "ecd431f961d4" + "7" * 52
COMPOSE = [
    (" db Pulling ", ""),
    (" 7b5479c66f9f Pulling fs layer ", ""),
    (f" 7b5479c66f9f Downloading {BAR}  655.9kB/10.5MB", "656 kB of 10.5 MB pulled"),
    (f" 5a2961a347ec Downloading {BAR}  1.181MB/20MB", "1.8 MB of 30.5 MB pulled"),
    (" 5a2961a347ec Verifying Checksum ", "20.7 MB of 30.5 MB pulled"),
    (f" 5a2961a347ec Extracting {BAR}  65.5kB/20MB", "20.7 MB of 30.5 MB pulled"),
    (" 7b5479c66f9f Download complete ", "30.5 MB of 30.5 MB pulled"),
    (" 7b5479c66f9f Pull complete ", "30.5 MB of 30.5 MB pulled"),
    (" db Pulled ", ""),
]
BUILDKIT = [
    ("#5 [uv 1/2] FROM docker.io/library/python:3.13-slim@sha256:" + ONE, ""),
    ("#5 resolve docker.io/library/python:3.13-slim@sha256:" + ONE + " 0.0s done", ""),
    (f"#5 sha256:{ONE} 0B / 10.50MB 0.1s", "0 B of 10.5 MB pulled"),
    (f"#5 sha256:{TWO} 1.05MB / 10.50MB 0.5s", "1.1 MB of 21.0 MB pulled"),
    (f"#5 sha256:{ONE} 10.50MB / 10.50MB 7.8s done", "11.6 MB of 21.0 MB pulled"),
    (f"#5 extracting sha256:{ONE} 0.1s done", ""),
    ("#9 3.456 0123456789ab 5MB/10MB: what a step prints", ""),
]


@pytest.mark.parametrize("lines", [COMPOSE, BUILDKIT], ids=["Compose", "BuildKit"])
def test_the_layers_are_added_up_as_they_come(lines: list[tuple[str, str]]) -> None:
    pulling = Pulling()
    assert [(line, pulling.words if pulling.is_about(line) else "") for line, _ in lines] == lines


def test_a_layer_that_is_there_already_counts_nothing() -> None:
    pulling = Pulling()
    assert pulling.is_about(" 7b5479c66f9f Already exists ")
    assert pulling.done == 0
