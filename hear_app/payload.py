"""JSON as GitHub sends it: mostly strict, sometimes with what strict parsers refuse.

A body may hold an escape of a lone surrogate (half of an emoji cut in two), or bytes that are no UTF-8. Such
a body is data, not a transport fault: it is landed as it came, and stored with U+FFFD in the offending place.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

_SURROGATES = re.compile(r"[\ud800-\udfff]")


def parse(body: bytes) -> Any:
    """The document in a response body, mended where needed. Raises ValueError where it is no JSON at all."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _mend(_parse_leniently(body))


def rows(body: bytes, key: str | None = None) -> list[tuple[bytes, bool]]:
    """Each row of a body as strict JSON, and whether it was repaired.

    `key` names the list inside an object (`commits` of a comparison); without it the body is the list or,
    where it is an object, the one row. Raises ValueError where the body is no JSON.
    """
    try:
        return [(orjson.dumps(row), False) for row in listed(orjson.loads(body), key)]
    except orjson.JSONDecodeError:
        pairs = [(row, _mend(row)) for row in listed(_parse_leniently(body), key)]
        return [(orjson.dumps(mended), mended != row) for row, mended in pairs]


def rows_in(body: bytes) -> list[Any]:
    """The rows of a body, which is a list or one row; none in an empty one. Raises ValueError as `parse` does."""
    return listed(parse(body)) if body else []


def listed(document: Any, key: str | None = None) -> list[Any]:
    """A document's rows: the list under `key`, or it is the list itself, or the one row."""
    found = document[key] if key is not None else document
    return found if isinstance(found, list) else [found]


def _parse_leniently(body: bytes) -> Any:
    """Keeps what is wrong as lone surrogates (bytes that are no UTF-8 too), so that `_mend` finds all of it."""
    return json.loads(body.decode("utf-8", "surrogateescape"), parse_constant=_refuse)


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mend(item) for item in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
