"""`promobot schema`: the JSON Schema of the configuration, for editors, and of what commands answer, for programs."""

from __future__ import annotations

import json
import sys

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import TypedDictSchema

from bot.cli.answers import ANSWERS
from bot.cli.call import Call
from bot.config import Config
from bot.errors import ExitCode, UsageError, did_you_mean


class _Schema(GenerateJsonSchema):
    """Without a title for each key, which would only repeat it; what isn't described isn't there."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  pydantic's signature
        return False

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """The dialect comes first, as editors look for it."""
        return {"$schema": self.schema_dialect, **super().generate(schema, mode)}


def main(call: Call) -> ExitCode:
    """Print it; `-o json` changes nothing, since it is JSON."""
    name = " ".join(call.args.words)
    sys.stdout.write(answer_schema(name) if name else config_schema())
    return ExitCode.DONE


def config_schema() -> str:
    """The configuration's as text that ends with a newline (https://json-schema.org/draft/2020-12)."""
    return _text({**Config.model_json_schema(by_alias=True, schema_generator=_Schema), "title": "promobot.yaml"})


def answer_schema(name: str) -> str:
    """The same of what a command prints with `-o json`. Raises UsageError."""
    if name not in ANSWERS:
        raise UsageError(
            f"no schema of {name}{did_you_mean(name, ANSWERS)}", hint=f"there is one of {', '.join(ANSWERS)}"
        )
    schema = TypeAdapter(ANSWERS[name]).json_schema(schema_generator=_Schema)
    return _text({**schema, "title": f"promobot {name} -o json"})


def _text(schema: JsonSchemaValue) -> str:
    return json.dumps(schema, indent=2) + "\n"
