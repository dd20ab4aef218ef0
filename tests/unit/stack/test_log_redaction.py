"""What a container was given never shows in its log: a file's secrets neither as a whole nor alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from run_claude.stack.log_redaction import without_secrets

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

ACCOUNT = {
    "type": "service_account",
    "project_id": "my-project",
    "private_key_id": "planted-key-id",
    "private_key": "-----BEGIN PRIVATE KEY-----\nplantedplantedplanted\n-----END PRIVATE KEY-----\n",
    "token_uri": "https://oauth2.example/token",
    "nested": [{"client_secret": "planted-client-secret"}],
}
INI = "[default]\naws_access_key_id = planted-id\naws_secret_access_key = planted/secret+0123\nregion = eu-central-1\n"


def test_a_secret_in_a_file_that_was_handed_over_does_not_show_alone(settings: Settings) -> None:
    settings.paths.secrets_dir.mkdir(parents=True)
    handed_over = {"file:VERTEXAI_CREDENTIALS": json.dumps(ACCOUNT), "file:AWS_SHARED_CREDENTIALS_FILE": INI}
    settings.paths.litellm_secrets.write_text(json.dumps(handed_over))
    lines = [
        "cannot sign with planted-key-id",
        "line plantedplantedplanted of a key",
        "refused: planted-client-secret",
        "SignatureDoesNotMatch planted/secret+0123",
        json.dumps(ACCOUNT),
    ]
    shown = "\n".join(without_secrets(lines, settings))
    assert "planted" not in shown


def test_the_rest_of_such_a_file_is_no_secret(settings: Settings) -> None:
    settings.paths.secrets_dir.mkdir(parents=True)
    handed_over = {"file:VERTEXAI_CREDENTIALS": json.dumps(ACCOUNT), "file:AWS_SHARED_CREDENTIALS_FILE": INI}
    settings.paths.litellm_secrets.write_text(json.dumps(handed_over))
    line = "no quota in eu-central-1 for my-project at https://oauth2.example/token"
    assert without_secrets([line], settings) == [line]
