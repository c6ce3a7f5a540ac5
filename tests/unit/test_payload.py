"""Response bodies: strict JSON comes through as it is, and what GitHub sends that is not strict is kept too."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hear_app import payload

# What orjson keeps exactly: integers of 64 bits, finite floats, text without lone surrogates.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SURROGATES = st.characters(categories=["Cs"])


def only(body: bytes) -> tuple[Any, bool]:
    """The one row of a body, parsed, and whether it was repaired."""
    ((text, was_repaired),) = payload.rows(body)
    return orjson.loads(text), was_repaired


# -- strict JSON


@RELAXED
@given(st.lists(DOCUMENTS, max_size=5))
def test_every_row_of_a_list_comes_through(document: list[Any]) -> None:
    found = payload.rows(json.dumps(document).encode())
    assert [orjson.loads(text) for text, _ in found] == document
    assert not any(was_repaired for _, was_repaired in found)
    assert payload.parse(json.dumps(document, ensure_ascii=False).encode()) == document


@RELAXED
@given(st.dictionaries(st.text(), DOCUMENTS, max_size=5))
def test_an_object_is_one_row(document: dict[str, Any]) -> None:
    assert only(json.dumps(document).encode()) == (document, False)


def test_a_list_inside_an_object_is_found_by_its_name() -> None:
    body = b'{"total_commits": 2, "commits": [{"sha": "a"}, {"sha": "b"}]}'
    assert payload.rows(body, "commits") == [(b'{"sha":"a"}', False), (b'{"sha":"b"}', False)]
    with pytest.raises(KeyError):
        payload.rows(b'{"total_commits": 2}', "commits")


def test_an_empty_list_has_no_rows() -> None:
    assert payload.rows(b"[]") == []
    assert payload.rows(b" [\r\n ] ") == []


def test_numbers_and_order_of_keys_stay() -> None:
    assert payload.rows(b'[{"b": 18446744073709551615, "a": -0.5, "c": 1.0}]') == [
        (b'{"b":18446744073709551615,"a":-0.5,"c":1.0}', False)
    ]


# -- what strict parsers refuse


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (rb"cut \ud83d", "cut \ufffd"),
        (rb"\udca9 low", "\ufffd low"),
        (rb"\udca9\ud83d", "\ufffd\ufffd"),
        (rb"\ud83d and \ud83d\ude00", "\ufffd and \U0001f600"),
        (b"bytes \xff\xfe", "bytes \ufffd\ufffd"),
        (b"half \xe2\x82", "half \ufffd\ufffd"),
        (b"\\ud83d\xff", "\ufffd\ufffd"),
    ],
)
def test_half_a_character_becomes_the_replacement_character(text: bytes, mended: str) -> None:
    assert only(b'[{"body": "' + text + b'"}]') == ({"body": mended}, True)
    assert payload.parse(b'{"body": "' + text + b'"}') == {"body": mended}


def test_only_the_row_that_was_mended_is_flagged() -> None:
    found = payload.rows(rb'[{"n": 1, "body": "whole \ud83d\ude00"}, {"n": 2, "\ud83d": ["\udca9"]}, {"n": 3}]')
    assert [was_repaired for _, was_repaired in found] == [False, True, False]
    assert orjson.loads(found[0][0]) == {"n": 1, "body": "whole \U0001f600"}
    assert orjson.loads(found[1][0]) == {"n": 2, "\ufffd": ["\ufffd"]}


@RELAXED
@given(st.lists(st.text(st.characters() | SURROGATES), min_size=1))
def test_any_text_ends_as_strict_json_of_the_same_length(texts: list[str]) -> None:
    body = json.dumps([{"body": text} for text in texts]).encode()
    pairs = json.loads(body)  # json joins escapes that make a pair
    for (text, was_repaired), row in zip(payload.rows(body), pairs, strict=True):
        kept = orjson.loads(text)["body"]
        assert len(kept) == len(row["body"])
        assert was_repaired == any("\ud800" <= character <= "\udfff" for character in row["body"])
        assert all(
            new == ("\ufffd" if "\ud800" <= old <= "\udfff" else old)
            for new, old in zip(kept, row["body"], strict=True)
        )


def test_the_null_character_stays_an_escape_that_duckdb_takes() -> None:
    ((text, was_repaired),) = payload.rows(rb'[{"body": "zero >\u0000<"}]')
    assert text == rb'{"body":"zero >\u0000<"}'
    assert not was_repaired
    with duckdb.connect() as connection:
        ((stored,),) = connection.execute("select cast(? as json)", [text.decode()]).fetchall()
    assert json.loads(stored) == {"body": "zero >\x00<"}


def test_what_is_mended_is_json_for_duckdb() -> None:
    ((text, _),) = payload.rows(rb'[{"title": "cut \ud83d"}]')
    with duckdb.connect() as connection:
        found = connection.execute("select cast(? as json) ->> '$.title'", [text.decode()]).fetchall()
    assert found == [("cut \ufffd",)]


# -- what is no JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html></html>",
        b'[{"sha": "a"}',
        b'[{"sha": "a"}] and more',
        b"[NaN]",
        b'{"a": Infinity}',
        b"[-Infinity]",
        b'["line\nbreak"]',
        b"['single']",
        b"[1,]",
        b"\xef\xbb\xbf[1]",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        payload.rows(body)
    with pytest.raises(ValueError, match=r"."):
        payload.parse(body)


@RELAXED
@given(DOCUMENTS, st.data())
def test_half_a_body_is_never_taken_for_a_whole_one(document: Any, data: st.DataObject) -> None:
    body = json.dumps([document, {"last": True}]).encode()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    with pytest.raises(ValueError, match=r"."):
        payload.rows(cut)
