"""An environment of the test's own, with files of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from run_claude.config.paths import Paths
from run_claude.config.settings import Settings, load_settings
from run_claude.deploy import migration, services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written here need not outlive one: 7,500 times `fsync` take 15 s of these tests, most of it waiting."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path / "home"),
        "RUN_CLAUDE_HOME": str(tmp_path / "config"),
        "RUN_CLAUDE_STATE": str(tmp_path / "state"),
    }


@pytest.fixture
def paths(environ: dict[str, str]) -> Paths:
    return Paths.resolve(environ)


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


@pytest.fixture
def write(paths: Paths) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = paths.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A release with few and small files, which the test may change."""
    files = {
        "docker-compose.yaml": b"services: {}\n",
        "docker-compose.callbacks.yaml": b"services: {}\n",
        "litellm.Dockerfile": b"FROM scratch\n",
        "requirements.txt": b"litellm==1\n",
        "litellm/entrypoint.py": b"#!/usr/bin/env python3\n",
        "timescaledb/databases": b"#!/bin/sh\n",
        "timescaledb/entrypoint": b"#!/bin/sh\n",
        "timescaledb/healthcheck": b"#!/bin/sh\n",
        "timescaledb/pg_hba.conf": b"local all all trust\n",
        "callbacks/demo_provider.py": b"handler = None\n",
    }
    for module in (services, migration):
        monkeypatch.setattr(module, "packaged_services", lambda: dict(files))
    return files
