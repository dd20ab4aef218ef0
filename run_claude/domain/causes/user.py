"""Causes in the user's input: arguments, files, variables, keys."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import ConfigError, RunClaudeError, UsageError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "internal",
        RunClaudeError,
        "An internal error: a bug in run-claude.",
        "Report it with the file that `run-claude doctor --report FILE` writes; it contains no secrets.",
    ),
    Cause(
        "usage",
        UsageError,
        "An option or an argument does not exist or cannot be used.",
        "See `run-claude COMMAND --help`.",
    ),
    Cause(
        "key-on-command-line",
        UsageError,
        "A key was given as an argument: the shell's history keeps it, and other programs see it.",
        "Run `run-claude config set NAME`: it asks for the value, or reads standard input.",
    ),
    Cause(
        "secret-needed",
        UsageError,
        "A secret that run-claude generates cannot be removed.",
        "`run-claude secrets rotate` replaces it.",
    ),
    Cause(
        "unknown-profile",
        UsageError,
        "No profile has this name. The message suggests similar ones.",
        "`run-claude profiles list` lists the profiles.",
        also=(ConfigError,),
    ),
    Cause(
        "unknown-model",
        UsageError,
        "No model has this name. The message suggests similar ones.",
        "`run-claude models list` lists the models.",
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
        "The command to run `with` a profile is not executable.",
        "Run `chmod +x COMMAND`.",
        exit_code=126,
    ),
    Cause(
        "not-a-terminal",
        UsageError,
        "The command asks a question, but stdin is not a terminal.",
        "Use the option that the message names.",
    ),
    Cause(
        "config-invalid",
        ConfigError,
        "A file or a variable cannot be used. The message names the file, line and key.",
        "Correct it.",
    ),
    Cause(
        "setting-invalid",
        ConfigError,
        "A setting has an invalid value. The message names the file and line.",
        "Correct it.",
    ),
    Cause(
        "port-invalid",
        ConfigError,
        "A port is not a number from 1 to 65535, or both ports are the same.",
        "Correct LITELLM_PORT or RUN_CLAUDE_TIMESCALEDB_PORT.",
    ),
    Cause(
        "yaml-invalid",
        ConfigError,
        "models.yaml or profiles.yaml is not valid YAML. The message names the line.",
        "Check that line and the one above it: indentation, colons, quotes.",
    ),
    Cause("unknown-key", ConfigError, "A key is not known. The message lists the known keys.", "Correct or remove it."),
    Cause("duplicate-name", ConfigError, "A model is defined twice.", "Rename or remove one of the two."),
    Cause(
        "key-in-config",
        ConfigError,
        "models.yaml contains a provider's key.",
        "Put the key into .env and refer to it as os.environ/NAME.",
    ),
    Cause(
        "fallback-circle",
        ConfigError,
        "The fallbacks of a profile name a model twice.",
        "Name it once: a model that has refused is not asked again.",
    ),
    Cause("profile-cycle", ConfigError, "Profiles extend each other in a cycle.", "Remove `extends` from one of them."),
    Cause(
        "dotenv-invalid", ConfigError, "A line of .env is not an assignment.", "Write NAME=value, or make it a comment."
    ),
    Cause("file-encoding", ConfigError, "A file is not UTF-8 text.", "Save it as UTF-8."),
    Cause("file-unreadable", ConfigError, "A file cannot be read.", "Check its type, owner and mode: `ls -ld FILE`."),
    Cause("file-unwritable", ConfigError, "A file cannot be written.", "Check its folder: `ls -ld FOLDER`."),
    Cause("file-mode", ConfigError, "The mode of a file cannot be changed.", "As its owner, run `chmod 600 FILE`."),
    Cause(
        "file-exists",
        ConfigError,
        "The file already exists and is not overwritten.",
        "Choose a new name, or remove the file first.",
    ),
    Cause(
        "folder-unusable",
        ConfigError,
        "A folder cannot be created or opened.",
        "Check its owner and mode: `ls -ld FOLDER`.",
    ),
    Cause(
        "files-foreign",
        ConfigError,
        "Files of run-claude belong to another user, as after one `sudo run-claude`. The message names them.",
        "Run the `sudo chown` of the message.",
    ),
    Cause("no-home", ConfigError, "There is no home folder.", "Set HOME, or RUN_CLAUDE_HOME and RUN_CLAUDE_STATE."),
    Cause(
        "key-missing",
        ConfigError,
        "No model of the profile has its provider's key.",
        "Put the key into .env, set it in the environment, or choose another profile.",
    ),
    Cause(
        "login-missing",
        ConfigError,
        "The profile uses the subscription of Claude Code's login, and Claude Code is not logged in.",
        "Run `claude auth login` without run-claude, then the command again.",
    ),
    Cause("secret-missing", ConfigError, "A secret has not been generated yet.", "Run `run-claude secrets init`."),
    Cause(
        "secret-overridden",
        ConfigError,
        "A secret to rotate is set in the environment, which overrides .env.",
        "Unset it, then rotate.",
    ),
    Cause(
        "master-key-refused",
        ConfigError,
        "The master key can be guessed, or LiteLLM would reject it.",
        "Remove its line from .env: the next start generates a strong key.",
    ),
    Cause(
        "migration-failed",
        ConfigError,
        "Files of an older release cannot be moved to their new places.",
        "Check the owner and mode of the file in the message. Nothing is lost; the next command continues.",
    ),
    Cause(
        "migration-interrupted",
        ConfigError,
        "A file of an older release changed while it was copied.",
        "Run the command again once nothing writes to it. Nothing was removed.",
        retryable=True,
    ),
    Cause(
        "envrc-damaged",
        ConfigError,
        "run-claude's block in .envrc is damaged.",
        "Remove the block, then run `run-claude set-folder` again.",
    ),
    Cause(
        "installation-broken",
        ConfigError,
        "Files of run-claude itself are missing.",
        "Reinstall it: pip install --force-reinstall run-claude",
    ),
)
