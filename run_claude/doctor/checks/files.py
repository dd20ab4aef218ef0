"""Check the user's files: folders, configuration, secrets, the services folder."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from run_claude.config.catalogue import load_catalogue
from run_claude.config.env_store import foreign
from run_claude.config.named_files import named_files
from run_claude.config.ownership import owned_by_others
from run_claude.config.secrets import provider_keys, read_secrets
from run_claude.deploy.migration import left_behind
from run_claude.deploy.plan import choose_profile
from run_claude.deploy.services import changed_services, packaged_services
from run_claude.doctor.findings import Finding, Mark, failed
from run_claude.domain.lifecycle import Snapshot
from run_claude.errors import ConfigError
from run_claude.stack.other_release import other_release

if TYPE_CHECKING:
    from run_claude.doctor.context import Context

__all__ = ["config", "files", "secrets", "services"]


async def files(context: Context) -> list[Finding]:
    """Check that folders exist and no legacy files remain."""
    paths = context.settings.paths
    missing = [path for path in (paths.config, paths.instance_state, paths.secrets_dir) if not path.is_dir()]
    found = []
    if foreign_files := owned_by_others([paths.config, paths.state]):
        found.append(failed("files", foreign_files))
    if missing:
        found.append(
            Finding(
                check="files",
                mark=Mark.FAILED if context.intent else Mark.NOTE,
                text=f"missing: {', '.join(map(str, missing))}",
                help="Run `run-claude install`, or start the stack: both create them.",
                repair="files",
            )
        )
    else:
        found.append(Finding(check="files", mark=Mark.OK, text=f"{paths.config}, {paths.instance_state}"))
    if old := left_behind(paths):
        found.append(
            Finding(
                check="files",
                mark=Mark.FAILED,
                text=f"left over from an older release: {', '.join(map(str, old))}",
                help="The next start moves them to their new place. Nothing is lost.",
                repair="files",
            )
        )
    return found


async def config(context: Context) -> list[Finding]:
    """Check models, profiles and settings, and say which profile is served."""
    settings = context.settings
    catalogue, env = load_catalogue(settings.paths), settings.environment()
    values = provider_keys(env, catalogue.variables)
    profile, _ = choose_profile(settings, catalogue, values, None)
    lacking = catalogue.missing(profile, values.__contains__)
    text = f"{len(catalogue.models)} models, {len(catalogue.profiles)} profiles; serves profile {profile.name}"
    facts = {"profile": profile.name, "models": list(profile.served)}
    _, unusable = named_files(env, {name: env.get(name) for name in catalogue.variables})
    notes = [Finding(check="config", mark=Mark.NOTE, text=note) for note in (*catalogue.notes, *unusable.values())]
    if not lacking:
        return [Finding(check="config", mark=Mark.OK, text=text, facts=facts), *notes]
    left = "; ".join(f"{model} needs {' and '.join(names)}" for model, names in lacking.items())
    help = f"Add the keys to {settings.paths.env_file}. Models without a key are left out."
    return [Finding(check="config", mark=Mark.NOTE, text=f"{text}, but {left}", help=help, facts=facts), *notes]


async def secrets(context: Context) -> list[Finding]:
    """Check that secrets exist, are strong, and that other users cannot read them."""
    settings = context.settings
    paths = settings.paths
    if not paths.env_file.exists() and context.intent is None:
        return [Finding(check="secrets", mark=Mark.OK, text="not generated yet; the first start does it")]
    found = []
    files = (paths.env_file, paths.litellm_secrets, paths.database_secret, paths.build_secrets)
    for path in files:
        if foreign(path):
            continue  # not ours to change
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
        if mode & 0o077:
            found.append(
                Finding(
                    check="secrets",
                    mark=Mark.FAILED,
                    text=f"other users can read {path} (mode {mode:04o})",
                    help=f"Run: chmod 600 {path}",
                    code="file-mode",
                    repair="files",
                    facts={"file": str(path), "mode": f"{mode:04o}"},
                )
            )
    try:
        read_secrets(settings)
    except ConfigError as error:
        # A weak key comes from the user; a missing one is generated.
        found.append(failed("secrets", error, repair="files" if error.code == "secret-missing" else ""))
    if not found:
        found.append(
            Finding(check="secrets", mark=Mark.OK, text="master key and database password, readable by you only")
        )
    return found


async def services(context: Context) -> list[Finding]:
    """Check that the Compose project is complete, and who has changed it."""
    folder = context.settings.paths.services
    if not folder.exists() and context.intent is None:
        return [Finding(check="services", mark=Mark.OK, text="not written yet; the first start does it")]
    if brought := other_release(context.settings, await _snapshot(context)):
        help = "`run-claude proxy start` does it. Starting the copy of run-claude that was here before undoes it."
        return [Finding(check="services", mark=Mark.NOTE, text=f"{brought}, with the next start", help=help)]
    missing = [name for name in packaged_services() if not (folder / name).is_file()]
    if missing:
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return [
            Finding(
                check="services",
                mark=Mark.FAILED,
                text=f"missing in {folder}: {some}",
                help="Run `run-claude install`, or start the stack: both write them again.",
                repair="files",
                facts={"missing": missing},
            )
        ]
    changed = changed_services(context.settings.paths)
    waiting = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.new"))]
    if changed or waiting:
        text = f"changed by you: {', '.join(changed)}" if changed else "unchanged"
        if waiting:
            text += f"; newer versions next to yours: {', '.join(waiting)}"
        help = "Run `run-claude install --force` to use this release's files; yours are kept as NAME.old."
        return [Finding(check="services", mark=Mark.NOTE, text=text, help=help)]
    return [Finding(check="services", mark=Mark.OK, text=f"{folder}, unchanged")]


async def _snapshot(context: Context) -> Snapshot:
    return await context.snapshot() if await context.reachable() else Snapshot()
