"""The JSON schema of jobs.yaml, for editors; made from the table of keys.

`python -m heartbeat.config.schema > jobs.schema.json` writes the file that editors read.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from heartbeat.channels.kinds import CHANNEL_KINDS
from heartbeat.config.channels import SETTING_MAX, needs_settings
from heartbeat.config.keys import kinds_schema
from heartbeat.config.parts import BOUND_KEYS, EVIDENCE_KEYS, METRIC, METRICS_MAX
from heartbeat.config.tables import DEFAULT_KEYS, EXTENSION, JOB_KEYS, SERVICE_KEYS, TOP_KEYS
from heartbeat.config.values import NAME, SLUG, UUID

if TYPE_CHECKING:
    from heartbeat.channels.kind import ChannelKind, SettingKey
    from heartbeat.config.keys import Key

Schema = dict[str, Any]


def schema() -> Schema:
    """The whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heartbeat: jobs.yaml",
        **_mapping(TOP_KEYS),
        "patternProperties": {f"^{EXTENSION}": {"description": "Ignored: a place for anchors."}},
        "$defs": {
            "defaults": _mapping(DEFAULT_KEYS),
            "channels": _named(
                NAME.schema, kinds_schema({name: _channel(kind) for name, kind in CHANNEL_KINDS.items()})
            ),
            "service": _mapping(SERVICE_KEYS),
            "jobs": _named({"pattern": f"^{SLUG}$", "not": {"pattern": f"^{UUID}$"}}, _mapping(JOB_KEYS)),
            "evidence": _mapping(EVIDENCE_KEYS),
            "metrics": {
                **_named({"pattern": f"^{METRIC}$"}, {**_mapping(BOUND_KEYS), "minProperties": 1}),
                "minProperties": 1,
                "maxProperties": METRICS_MAX,
            },
        },
    }


def as_text() -> str:
    """The schema as written to jobs.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _mapping(keys: tuple[Key, ...]) -> Schema:
    properties = {key.name: {**key.type.schema, "description": _description(key)} for key in keys}
    required = [key.name for key in keys if key.required]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _named(names: Schema, value: Schema) -> Schema:
    return {"type": "object", "propertyNames": names, "additionalProperties": value}


def _description(key: Key) -> str:
    return f"{key.doc} Default: {key.default}." if key.default else key.doc


def _channel(kind: ChannelKind) -> Schema:
    ways: list[Schema] = [_settings(kind)]
    if kind.short:
        ways.append({"type": "string", "minLength": 1, "maxLength": SETTING_MAX})
    if not needs_settings(kind):
        ways.append({"type": "null"})
    return {"description": kind.description, "anyOf": ways}


def _settings(kind: ChannelKind) -> Schema:
    required = [name for name, key in kind.keys.items() if key.required]
    return {
        "type": "object",
        "properties": {name: _setting(key) for name, key in kind.keys.items()},
        "additionalProperties": False,
        "required": required,
        **({"oneOf": [_way(way, kind.either) for way in kind.either]} if kind.either else {}),
    }


def _way(way: tuple[str, ...], ways: tuple[tuple[str, ...], ...]) -> Schema:
    others = [name for other in ways if other != way for name in other]
    return {"required": [*way], "not": {"anyOf": [{"required": [name]} for name in others]}}


def _setting(key: SettingKey) -> Schema:
    found: Schema = {"type": key.type, "description": key.description}
    if key.type == "string":
        found |= {"minLength": 1, "maxLength": SETTING_MAX}
    if key.type == "object":
        found["additionalProperties"] = {"type": "string", "minLength": 1, "maxLength": SETTING_MAX}
    if key.choices:
        found["enum"] = [*key.choices]
    if key.minimum is not None:
        found["minimum"] = key.minimum
    return found


if __name__ == "__main__":
    sys.stdout.write(as_text())
