"""Each published configuration is read whole, and all that it refers to is handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.config.yamlfile import read_document
from run_claude.deploy.litellm_config import render_litellm_config
from tests.published import PUBLISHED, names, variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

_OURS = {"LITELLM_MASTER_KEY", "DATABASE_URL"}


def test_there_are_enough_to_stand_for_their_kinds() -> None:
    assert len(PUBLISHED) >= 25


@pytest.mark.parametrize("of", PUBLISHED)
def test_a_published_configuration_is_read_whole(paths: Paths, write: Write, of: str) -> None:
    text = PUBLISHED[of]
    document = read_document(write("models.yaml", text))
    assert document is not None
    catalogue = load_catalogue(paths)
    assert names(text) <= set(catalogue.models)
    values = {name: f"value-of-{name}" for name in catalogue.variables}
    rendered = render_litellm_config(catalogue, values)
    served = [row["model_name"] for row in rendered.document["model_list"]]
    rows = [row["model_name"] for row in document.data.get("model_list", ())]
    assert not set(rows) & set(rendered.left_out)
    assert all(served.count(name) == rows.count(name) for name in rows)
    assert not catalogue.notes
    assert set(document.data) - {"x-defaults"} <= set(rendered.document)
    given = set(document.data.get("environment_variables", ()))
    assert variables(text) - _OURS - given <= rendered.variables
