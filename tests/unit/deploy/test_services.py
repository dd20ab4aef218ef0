from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from run_claude.config.files import write_atomic
from run_claude.deploy import services
from run_claude.deploy.services import MANIFEST, install_services, packaged_services
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.config.paths import Paths

Packaged = dict[str, bytes]


def test_this_release_brings_a_complete_compose_project() -> None:
    files = packaged_services()
    assert {
        "docker-compose.yaml",
        "docker-compose.callbacks.yaml",
        "litellm.Dockerfile",
        "requirements.txt",
        "requirements-build.txt",
        "litellm/entrypoint.py",
        "callbacks/__init__.py",
        "callbacks/demo_provider.py",
    } <= set(files)
    assert not [name for name in files if "__pycache__" in name or name.startswith("bases/")]


def test_an_installed_wheel_has_them_in_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("docker-compose.yaml", "callbacks/a.py", "callbacks/__pycache__/a.pyc", "bases/x"):
        path = tmp_path / "_services" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.setattr(services, "_PACKAGE", tmp_path)
    assert packaged_services() == {"callbacks/a.py": b"callbacks/a.py", "docker-compose.yaml": b"docker-compose.yaml"}


def test_an_installation_without_them_is_told_to_be_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(services, "_PACKAGE", tmp_path / "run_claude")
    with pytest.raises(ConfigError) as raised:
        packaged_services()
    assert raised.value.code == "installation-broken"


def test_a_first_install_copies_everything_readable_by_other_users(paths: Paths, packaged: Packaged) -> None:
    assert install_services(paths) == []
    for name, data in packaged.items():
        path = paths.services / name
        assert path.read_bytes() == data
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if data.startswith(b"#!") else 0o644)
        if path.parent != paths.services:
            assert stat.S_IMODE(path.parent.stat().st_mode) & 0o055 == 0o055


def test_a_second_install_writes_nothing(paths: Paths, packaged: Packaged, monkeypatch: pytest.MonkeyPatch) -> None:
    install_services(paths)

    def never(*args: object, **more: object) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(services, "write_atomic", never)
    assert install_services(paths) == []


def test_a_new_release_replaces_what_the_user_left_alone(paths: Paths, packaged: Packaged) -> None:
    install_services(paths)
    packaged["requirements.txt"] = b"litellm==2\n"
    packaged["new/file"] = b"x"
    assert install_services(paths) == []
    assert (paths.services / "requirements.txt").read_bytes() == b"litellm==2\n"
    assert (paths.services / "new/file").read_bytes() == b"x"


def test_a_changed_file_stays_silently_until_the_release_changes_it_too(paths: Paths, packaged: Packaged) -> None:
    install_services(paths)
    mine = paths.services / "requirements.txt"
    mine.write_bytes(b"mine\n")
    assert install_services(paths) == []
    assert not mine.with_name("requirements.txt.new").exists()

    packaged["requirements.txt"] = b"litellm==2\n"
    (note,) = install_services(paths)
    assert str(mine) in note
    assert mine.read_bytes() == b"mine\n"
    assert mine.with_name("requirements.txt.new").read_bytes() == b"litellm==2\n"
    assert install_services(paths) == []


def test_a_file_that_lies_there_from_before_is_the_users(paths: Paths, packaged: Packaged) -> None:
    (paths.services).mkdir(parents=True)
    (paths.services / "litellm.Dockerfile").write_bytes(b"FROM mine\n")
    (note,) = install_services(paths)
    assert "litellm.Dockerfile.new" in note
    assert (paths.services / "litellm.Dockerfile").read_bytes() == b"FROM mine\n"


def test_force_replaces_and_keeps_the_users_beside(paths: Paths, packaged: Packaged) -> None:
    install_services(paths)
    mine = paths.services / "requirements.txt"
    mine.write_bytes(b"mine\n")
    (note,) = install_services(paths, force=True)
    assert "requirements.txt.old" in note
    assert mine.read_bytes() == packaged["requirements.txt"]
    assert mine.with_name("requirements.txt.old").read_bytes() == b"mine\n"


def test_a_removed_file_comes_back(paths: Paths, packaged: Packaged) -> None:
    install_services(paths)
    (paths.services / "docker-compose.yaml").unlink()
    assert install_services(paths) == []
    assert (paths.services / "docker-compose.yaml").exists()


def test_what_a_release_drops_goes_unless_it_was_changed(paths: Paths, packaged: Packaged) -> None:
    packaged["old/one"] = packaged["two"] = b"x"
    install_services(paths)
    (paths.services / "two").write_bytes(b"mine")
    del packaged["old/one"], packaged["two"]
    install_services(paths)
    assert not (paths.services / "old").exists()
    assert (paths.services / "two").read_bytes() == b"mine"


def test_a_name_in_the_manifest_leads_nowhere_outside(paths: Paths, packaged: Packaged, tmp_path: Path) -> None:
    install_services(paths)
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    manifest = paths.services / MANIFEST
    record = json.loads(manifest.read_text()) | {"../../outside": services._hash(b"x")}
    manifest.write_text(json.dumps(record))
    install_services(paths)
    assert outside.exists()


@pytest.mark.parametrize("broken", ["", "[", "[]", "{}", "null"])
def test_a_broken_manifest_loses_nobodys_changes(paths: Paths, packaged: Packaged, broken: str) -> None:
    install_services(paths)
    (paths.services / MANIFEST).write_text(broken)
    (paths.services / "requirements.txt").write_bytes(b"mine\n")
    (note,) = install_services(paths)
    assert "requirements.txt.new" in note
    assert (paths.services / "requirements.txt").read_bytes() == b"mine\n"


@pytest.mark.parametrize("after", range(8))
def test_interrupted_after_any_file_the_next_call_completes_it(
    paths: Paths, packaged: Packaged, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    install_services(paths)
    (paths.services / "requirements.txt").write_bytes(b"mine\n")
    for name in packaged:
        packaged[name] += b"# two\n"
    left = [after]

    def interrupted(path: Path, data: bytes | str, **more: int) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write_atomic(path, data, mode=more.get("mode", 0o600))

    monkeypatch.setattr(services, "write_atomic", interrupted)
    try:
        install_services(paths)
    except KeyboardInterrupt:
        left[0] = -1
        install_services(paths)
    for name, data in packaged.items():
        assert (paths.services / name).read_bytes() == (b"mine\n" if name == "requirements.txt" else data)
    assert (paths.services / "requirements.txt.new").read_bytes() == packaged["requirements.txt"]
