"""The examples that `install` writes work as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.config.catalogue import load_catalogue
from run_claude.deploy.initialize import install_templates
from run_claude.deploy.litellm_config import render_litellm_config

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.config.settings import Settings


def _uncomment(path: Path) -> None:
    text = path.read_text()
    lines = text[re.search(r"\n# (models|profiles):", text).start() :].splitlines()  # type: ignore[union-attr]
    path.write_text("\n".join(line.removeprefix("# ").removeprefix("#") for line in lines))


def test_the_examples_without_their_comment_marks_are_used_without_any_key(settings: Settings) -> None:
    paths = settings.paths
    paths.config.mkdir(parents=True)
    install_templates(settings)
    text = paths.models_file.read_text()
    paths.models_file.write_text(text.partition("\n# A config.yaml")[0])
    for path in (paths.models_file, paths.profiles_file):
        _uncomment(path)
    catalogue = load_catalogue(paths)
    rendered = render_litellm_config(catalogue, {})
    (row,) = [row for row in rendered.document["model_list"] if row["model_name"] == "my-model"]
    assert row["litellm_params"]["model"] == "openai/some-model"
    assert row["litellm_params"]["api_base"] == "http://host.docker.internal:8000/v1"
    assert catalogue.profile("mine").opus == "my-model"
    assert not catalogue.notes
