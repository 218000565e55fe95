"""The published forms of what is written as JSON, `*.schema.json`, derived from the dataclasses.

`make reports` writes the files anew.
"""

from __future__ import annotations

import functools
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from netscope.report import store
from netscope.report.report import SCHEMA_VERSION, Report
from netscope.report.store import fields
from netscope.report.store.decoding import SIGNED
from netscope.report.store.documents import SCHEMA_VERSION as DOCUMENT_VERSION
from netscope.show.columns import COLUMNS

SCHEMAS: Final = Path(__file__).parents[1] / "netscope" / "show" / "schemas"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `to_dict` writes, derived from the dataclasses."""
    definitions: dict[str, Any] = {}
    root = _object_schema(Report, definitions)
    root["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    root["properties"]["totals"] = _properties_schema(Report, store.TOTALS, definitions)
    root["properties"]["layers"]["minItems"] = 1
    root["required"].append("totals")
    _add_columns(definitions)
    return _published("report", SCHEMA_VERSION, root, definitions)


def _add_columns(definitions: dict[str, Any]) -> None:
    """Columns that a layer has no field for. The store alone does not write them, so none is required."""
    known = definitions["Layer"]["properties"]
    for column in COLUMNS:
        if column.key not in known:
            known[column.key] = {"description": column.help, **_type_schema(column.kind.type, definitions)}


def schema_of(document: type) -> dict[str, Any]:
    """The JSON Schema of a document other than a report: a diff, a comparison or a curve."""
    (kind,) = typing.get_args(fields.types_of(document)["kind"])
    definitions: dict[str, Any] = {}
    root = _object_schema(document, definitions)
    root["properties"]["schema_version"] = {"const": DOCUMENT_VERSION}
    return _published(kind, DOCUMENT_VERSION, root, definitions)


def _published(kind: str, version: int, root: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:netscope:{kind}:{version}",
        "title": f"netscope {kind}",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _object_schema(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    types_of = fields.types_of(kind)
    properties = {name: _type_schema(types_of[name], definitions) for name in fields.saved(kind)}
    for name in properties:
        if (kind, name) in SIGNED:
            properties[name]["items"] = {"type": "integer"}
    derived = _properties_schema(kind, store.DERIVED.get(kind, ()), definitions)
    return {
        "type": "object",
        "description": _first_line(kind.__doc__),
        "properties": {**properties, **derived["properties"]},
        "required": [*properties, *derived["required"]],
    }


def _properties_schema(kind: type, names: tuple[str, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    """An object of properties of that class, each described by its docstring."""
    properties = {}
    for name in names:
        getter = getter_of(kind, name)
        described = _type_schema(fields.types_of(getter)["return"], definitions)
        properties[name] = {"description": _first_line(getter.__doc__), **described}
    return {"type": "object", "properties": properties, "required": list(names)}


def getter_of(kind: type, name: str) -> Any:
    """The function behind a property, be it kept or not."""
    found = getattr(kind, name)
    return found.func if isinstance(found, functools.cached_property) else found.fget


def _type_schema(annotation: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return {}
    if annotation is float:
        special = {"type": "object", "properties": {"$float": {"enum": ["inf", "-inf", "nan"]}}}
        return {"anyOf": [{"type": "number"}, {**special, "required": ["$float"]}]}
    if annotation is int:
        return {"type": "integer", "minimum": 0}
    if annotation in _NAMES:
        return {"type": _NAMES[annotation]}
    if fields.is_record(annotation):
        kind = annotation
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}
            definitions[kind.__name__] = _object_schema(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_type_schema(kind, definitions) for kind in inner]}
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        size = {} if inner[-1] is Ellipsis else {"minItems": len(inner), "maxItems": len(inner)}
        return {"type": "array", "items": _type_schema(inner[0], definitions), **size}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type_schema(inner[1], definitions)}
    raise TypeError(f"no schema for {annotation}")


_NAMES: Final[Mapping[Any, str]] = {
    str: "string",
    bool: "boolean",
    types.NoneType: "null",
}


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def published() -> dict[str, str]:
    """{"report.schema.json": its text, ...}: every form that is published in `SCHEMAS`."""
    from netscope.answers.compare.document import ComparisonDocument
    from netscope.answers.diff.document import DiffDocument
    from netscope.machine.profiling.document import CurveDocument

    documents = {"diff": DiffDocument, "comparison": ComparisonDocument, "curve": CurveDocument}
    forms = {"report": schema(), **{name: schema_of(document) for name, document in documents.items()}}
    return {f"{name}.schema.json": json.dumps(form, indent=2) + "\n" for name, form in forms.items()}
