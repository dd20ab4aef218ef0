"""Causes in what the user gives: arguments, files, variables, keys."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import ConfigError, RunClaudeError, UsageError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "internal", RunClaudeError, "A mistake of run-claude's own.", "Report it, with `run-claude doctor --report`."
    ),
    Cause(
        "usage",
        UsageError,
        "An option or an argument that does not exist or cannot be used.",
        "See `run-claude COMMAND --help`.",
    ),
    Cause(
        "unknown-profile",
        UsageError,
        "There is no profile of this name; those near to it are named.",
        "`run-claude profiles list` shows what there is.",
        also=(ConfigError,),
    ),
    Cause(
        "unknown-model",
        UsageError,
        "There is no model of this name; those near to it are named.",
        "`run-claude models list` shows what there is.",
        also=(ConfigError,),
    ),
    Cause(
        "command-not-found",
        UsageError,
        "The command to run `with` a profile does not exist.",
        "Check its name.",
        exit_code=127,
    ),
    Cause(
        "command-not-executable",
        UsageError,
        "The command to run `with` a profile cannot be executed.",
        "Try `chmod +x COMMAND`.",
        exit_code=126,
    ),
    Cause(
        "not-a-terminal",
        UsageError,
        "Something has to be asked, and there is no terminal to ask at.",
        "Give the option that the help line names.",
    ),
    Cause(
        "config-invalid",
        ConfigError,
        "A file or a variable of yours cannot be used; file, line and key are named.",
        "Correct what is named.",
    ),
    Cause("setting-invalid", ConfigError, "A setting has no usable value; file and line are named.", "Correct it."),
    Cause(
        "port-invalid",
        ConfigError,
        "A port is no number from 1 to 65535, or both ports are the same.",
        "Correct LITELLM_PORT or RUN_CLAUDE_TIMESCALEDB_PORT.",
    ),
    Cause(
        "yaml-invalid",
        ConfigError,
        "models.yaml or profiles.yaml is no valid YAML; the line is named.",
        "Look at the line and the one above it: indentation, colons, quotes.",
    ),
    Cause("unknown-key", ConfigError, "A key that is not known, with those that are.", "Correct or remove it."),
    Cause("duplicate-name", ConfigError, "A model is defined twice.", "Rename or remove one of them."),
    Cause(
        "key-in-config",
        ConfigError,
        "A provider's key is written into models.yaml, where everyone may read it.",
        "Put it into .env and refer to it as os.environ/NAME.",
    ),
    Cause("profile-cycle", ConfigError, "Profiles extend each other in a circle.", "Let one of them stand alone."),
    Cause("dotenv-invalid", ConfigError, ".env has a line that is no assignment.", "Write NAME=value, or a comment."),
    Cause("file-encoding", ConfigError, "A file is not UTF-8 text.", "Save it as UTF-8."),
    Cause("file-unreadable", ConfigError, "A file cannot be read.", "Check what it is and whose: `ls -ld FILE`."),
    Cause("file-unwritable", ConfigError, "A file cannot be written.", "Check its folder: `ls -ld FOLDER`."),
    Cause("file-mode", ConfigError, "The mode of a file cannot be mended.", "As its owner, run: chmod 600 FILE"),
    Cause("file-exists", ConfigError, "A file is there that is not replaced.", "Name a new file, or remove it first."),
    Cause(
        "folder-unusable", ConfigError, "A folder cannot be created or opened.", "Check its owner and mode: `ls -ld`."
    ),
    Cause("no-home", ConfigError, "There is no home folder.", "Set HOME, or RUN_CLAUDE_HOME and RUN_CLAUDE_STATE."),
    Cause(
        "key-missing",
        ConfigError,
        "None of the profile's models has its provider's key.",
        "Put the key into .env, set it in the environment, or choose another profile.",
    ),
    Cause("secret-missing", ConfigError, "A secret was not generated yet.", "Run `run-claude secrets init`."),
    Cause(
        "secret-overridden",
        ConfigError,
        "A secret to rotate is set in the environment, which wins over .env.",
        "Unset it, then rotate.",
    ),
    Cause(
        "master-key-refused",
        ConfigError,
        "The master key can be guessed, or LiteLLM would not take it.",
        "Remove its line from .env: a strong key is generated at the next start.",
    ),
    Cause(
        "migration-failed",
        ConfigError,
        "Files of an older release cannot be brought to this one's places.",
        "Check owner and mode of what is named. Nothing is lost; the next call goes on.",
    ),
    Cause(
        "migration-interrupted",
        ConfigError,
        "A file of an older release changed while it was copied.",
        "Call it again when nothing else writes there; nothing was removed.",
        retryable=True,
    ),
    Cause("envrc-damaged", ConfigError, "The block of ours in .envrc is damaged.", "Remove it, then set the folder."),
    Cause(
        "installation-broken",
        ConfigError,
        "Files of run-claude itself are missing.",
        "Install it again: pip install --force-reinstall run-claude",
    ),
)
