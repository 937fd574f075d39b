"""JSON Schema of the protocol's types, as their msgpack decodes: structs are arrays, bytes are lengths.

JSON Schema has no bytes: a byte string is a string whose `format` is msgpack-bin, and whose lengths
count bytes.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec
from msgspec import inspect

Schema: TypeAlias = dict[str, Any]
"""JSON, by nature of many shapes."""

BINARY: Final = "msgpack-bin"


def schema_of(kind: object) -> Schema:
    """The schema of a type; structs in it are references to `#/components/schemas/…`."""
    return _schema(inspect.type_info(kind))


def struct_schema(kind: type[msgspec.Struct]) -> Schema:
    """The schema of a struct itself: an array, its tag first, whose last items may be left out."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    assert info.array_like
    items: list[Schema] = []
    if info.tag is not None:
        items.append({"const": info.tag, "title": kind.__name__})
    items += [{"title": field.encode_name, **_schema(field.type)} for field in info.fields]
    optional = sum(not field.required for field in info.fields)
    return {
        "title": kind.__name__,
        "description": (kind.__doc__ or "").strip().partition("\n")[0],
        "type": "array",
        "prefixItems": items,
        "minItems": len(items) - optional,
    }


def structs_in(*kinds: object) -> list[type[msgspec.Struct]]:
    """The structs that these types are or hold, each once, in the order of their names."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting = [inspect.type_info(kind) for kind in kinds]
    while waiting:
        info = waiting.pop()
        match info:
            case inspect.StructType(cls=cls, fields=fields) if cls.__name__ not in found:
                found[cls.__name__] = cls
                waiting += [field.type for field in fields]
            case inspect.ListType(item_type=item):
                waiting.append(item)
            case inspect.UnionType(types=types):
                waiting += types
            case inspect.Metadata(type=inner):
                waiting.append(inner)
            case _:
                pass
    return [found[name] for name in sorted(found)]


def plain(value: object) -> object:
    """A decoded msgpack value as JSON Schema sees it: each byte one character."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _schema(info: inspect.Type) -> Schema:
    match info:
        case inspect.StructType(cls=cls):
            return {"$ref": f"#/components/schemas/{cls.__name__}"}
        case inspect.BytesType(min_length=least, max_length=most):
            return {"type": "string", "format": BINARY, **_bounds("minLength", least, "maxLength", most)}
        case inspect.StrType(min_length=least, max_length=most):
            return {"type": "string", **_bounds("minLength", least, "maxLength", most)}
        case inspect.IntType(ge=least, le=most):
            return {"type": "integer", **_bounds("minimum", least, "maximum", most)}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.NoneType():
            return {"type": "null"}
        case inspect.EnumType(cls=cls):
            return {"enum": [member.value for member in cls]}
        case inspect.ListType(item_type=item, min_length=least, max_length=most):
            return {"type": "array", "items": _schema(item), **_bounds("minItems", least, "maxItems", most)}
        case inspect.UnionType(types=types):
            return {"anyOf": [_schema(one) for one in types]}
        case inspect.Metadata(type=inner):
            return _schema(inner)
        case _:
            raise NotImplementedError(info)


def _bounds(low: str, least: int | None, high: str, most: int | None) -> Schema:
    return {name: value for name, value in ((low, least), (high, most)) if value is not None}
