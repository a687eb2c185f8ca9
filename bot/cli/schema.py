"""`promobot schema`: the configuration's JSON Schema, for editors."""

from __future__ import annotations

import json
import sys

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema

from bot.cli.call import Call
from bot.config import Config
from bot.errors import ExitCode


class _Schema(GenerateJsonSchema):
    """Without a title for each key, which would only repeat it."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  pydantic's signature
        return False

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """The dialect comes first, as editors look for it."""
        return {"$schema": self.schema_dialect, **super().generate(schema, mode), "title": "promobot.yaml"}


def main(_call: Call) -> ExitCode:
    """Print it; `-o json` changes nothing, since it is JSON."""
    sys.stdout.write(config_schema())
    return ExitCode.DONE


def config_schema() -> str:
    """The schema as text that ends with a newline (https://json-schema.org/draft/2020-12)."""
    return json.dumps(Config.model_json_schema(by_alias=True, schema_generator=_Schema), indent=2) + "\n"
