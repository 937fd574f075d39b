"""Makes shared/asyncapi.yaml and shared/openapi.yaml out of the types and tables of the code.

python tests/server/documents.py --write; without --write it compares only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, get_args

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from backchannel_protocol.connection import TABLE
from backchannel_protocol.frames import ClientFrame, Refused, ServerFrame
from backchannel_protocol.http_bodies import MEDIA_TYPE
from backchannel_protocol.operations import Operation
from backchannel_protocol.refusals import Code
from backchannel_server import __version__
from backchannel_server.routes import ROUTES, UPGRADE, Route, status_of
from backchannel_server.ws import SUBPROTOCOL
from server.schemas import Schema, schema_of, struct_schema, structs_in

FOLDER: Final = Path(__file__).resolve().parents[2] / "shared"
_HEAD: Final = "# Made by tests/server/documents.py from the code: do not edit. PROTOCOL.md explains it.\n"
_BYTES: Final = (
    "Everything is msgpack. The schemas describe what it decodes to: a struct is an array; a string of "
    "format msgpack-bin is a byte string, and its lengths count bytes. See PROTOCOL.md."
)


def _info(title: str) -> Schema:
    return {
        "title": title,
        "version": __version__,
        "description": _BYTES,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }


def _refusals(codes: tuple[Code, ...]) -> dict[str, str]:
    return {code.value: code.sentence for code in codes}


# ---- WebSocket
def asyncapi() -> Schema:
    """The frames of a connection, by who sends them, the states, and the operations in clear."""
    senders: dict[str, tuple[type, ...]] = {"client": get_args(ClientFrame), "server": get_args(ServerFrame)}
    names = {kind.__name__: kind for kinds in senders.values() for kind in kinds}
    info = _info("Backchannel: the WebSocket")
    info["license"] = {"name": "Apache-2.0"}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "defaultContentType": MEDIA_TYPE,
        "channels": {
            "connection": {
                "address": UPGRADE.path,
                "description": f"Binary messages, one frame each; subprotocol {SUBPROTOCOL}, no compression.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in sorted(names)},
                "bindings": {"ws": {"method": UPGRADE.method, "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            f"{sender}{kind.__name__}": _operation(sender, kind)
            for sender, kinds in senders.items()
            for kind in kinds
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": struct_schema(names[name])["description"],
                    "contentType": MEDIA_TYPE,
                    "payload": {"$ref": f"#/components/schemas/{name}"},
                }
                for name in sorted(names)
            },
            "schemas": {
                kind.__name__: struct_schema(kind)
                for kind in structs_in(*names.values(), *get_args(Operation))
            }
            | {"Operation": schema_of(Operation)},
        },
        "x-states": [
            {"state": state.value, "from": symbol.value[0], "frame": symbol.value[1], "next": following.value}
            for (state, symbol), following in TABLE.items()
        ],
        "x-refusals": _refusals(tuple(Code)),
    }


def _operation(sender: str, kind: type) -> Schema:
    """An operation of the server: it receives what clients send."""
    return {
        "action": "receive" if sender == "client" else "send",
        "channel": {"$ref": "#/channels/connection"},
        "messages": [{"$ref": f"#/channels/connection/messages/{kind.__name__}"}],
    }


# ---- HTTP
def openapi() -> Schema:
    """Paths, bodies, statuses, and with which code each refuses."""
    routes = (UPGRADE, *ROUTES)
    bodies = [kind for one in routes for kind in (one.body, one.answer) if kind is not None]
    paths: Schema = {}
    for one in routes:
        paths.setdefault(one.path, {})[one.method.lower()] = _path(one)
    return {
        "openapi": "3.1.0",
        "info": _info("Backchannel: HTTP"),
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {kind.__name__: struct_schema(kind) for kind in structs_in(*bodies, Refused)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _path(route: Route) -> Schema:
    described: Schema = {
        "operationId": route.name,
        "summary": route.sentence,
        "responses": {str(route.status): _answer(route), **_refused(route)},
    }
    if route.unready:
        said = {route.media_type: {"schema": {"type": "string"}}}
        described["responses"]["503"] = {"description": "What it lacks, a line for each.", "content": said}
    if route.bearer:
        described["security"] = [{"token": []}]
    if "{room}" in route.path:
        room = {"type": "string", "minLength": 22, "maxLength": 22}
        described["parameters"] = [{"name": "room", "in": "path", "required": True, "schema": room}]
    if route.body is not None:
        described["requestBody"] = {"required": True, "content": _content(MEDIA_TYPE, route.body.__name__)}
    return described


def _answer(route: Route) -> Schema:
    if route.answer is not None:
        return {"description": "Done.", "content": _content(MEDIA_TYPE, route.answer.__name__)}
    if route is UPGRADE:
        return {"description": "The connection is a WebSocket from here on."}
    return {"description": "Done.", "content": {route.media_type: {"schema": {"type": "string"}}}}


def _refused(route: Route) -> Schema:
    """By status, with the codes that come with it."""
    statuses = sorted({status_of(code) for code in route.refusals})
    found: Schema = {}
    for status in statuses:
        codes = tuple(code for code in Code if code in route.refusals and status_of(code) == status)
        found[str(status)] = {
            "description": "Refused: " + ", ".join(code.value for code in codes) + ".",
            "content": _content(MEDIA_TYPE, Refused.__name__),
            "x-refusals": _refusals(codes),
        }
    return found


def _content(media_type: str, name: str) -> Schema:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


# ---- files
DOCUMENTS: Final[Mapping[str, Callable[[], Schema]]] = {"asyncapi.yaml": asyncapi, "openapi.yaml": openapi}


def text_of(name: str) -> str:
    """A file as it is committed."""
    return _HEAD + yaml.dump(DOCUMENTS[name](), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


class _Plain(yaml.SafeDumper):
    """Without anchors: what occurs twice is written twice."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def main(arguments: list[str]) -> int:
    """Writes the files, or says which are not what it would write, and fails if there are."""
    differing = [name for name in DOCUMENTS if not is_current(name)]
    if "--write" in arguments:
        for name in differing:
            (FOLDER / name).write_text(text_of(name), encoding="utf-8")
    sys.stdout.write(
        f"{', '.join(differing) or 'nothing'} {'written' if '--write' in arguments else 'differs'}\n"
    )
    return 1 if differing and "--write" not in arguments else 0


def is_current(name: str) -> bool:
    """Whether the committed file is what the code says."""
    path = FOLDER / name
    return path.exists() and path.read_text(encoding="utf-8") == text_of(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
