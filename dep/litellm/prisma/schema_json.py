"""A generator of Prisma's: writes what the engines need to know of the schema, from Prisma's own model of it (DMMF).

Named by a ``generator`` block; ``prisma generate`` starts it and talks JSON-RPC to it. Where it writes is its
argument.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from prisma.generator import BaseGenerator, DefaultData, Manifest


class SchemaJson(BaseGenerator):
    """Fields of each model that are JSON or relations, and the variable with the database's address."""

    def get_manifest(self) -> Manifest:
        """Describe the generator."""
        return Manifest(name="schema.json", default_output=sys.argv[1], requires_engines=[])

    def generate(self, data: DefaultData) -> None:
        """Write the file."""
        models = {
            model.name: {
                field.name: field.type for field in model.all_fields if field.type == "Json" or field.kind == "object"
            }
            for model in data.dmmf.datamodel.models
        }
        known = {"urlVariable": data.datasources[0].url.from_env_var, "models": models}
        Path(sys.argv[1]).write_text(json.dumps(known, separators=(",", ":")))


if __name__ == "__main__":
    SchemaJson.invoke()
