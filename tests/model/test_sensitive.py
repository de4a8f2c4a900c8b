"""A marked value is found in text in whatever form it has there (H8)."""

from __future__ import annotations

import base64
import json
import shlex
from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as st

from swarmnet.model.printable import on_one_line
from swarmnet.model.sensitive import Sensitive

FORMS = (
    str,
    repr,
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    shlex.quote,
    on_one_line,
    lambda value: on_one_line(shlex.quote(value)),
    lambda value: json.dumps(shlex.quote(value)),
    lambda value: f"postgres://u:{quote(value, safe='')}@db/x",
    lambda value: base64.b64encode(value.encode()).decode(),
    lambda value: f"-p{value}",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=20)


@given(TEXT)
def test_no_form_of_a_marked_value_passes(value: str) -> None:
    value = value.strip()
    assume(len(value) >= 6 and "*" not in value)
    sensitive = Sensitive()
    sensitive.mark(value)

    for form in FORMS:
        text = sensitive.masked(form(value))
        assert "***" in text
        assert value not in text


def test_short_and_ordinary_values_hide_nothing_else() -> None:
    sensitive = Sensitive()
    for value in ("", "x", "abc", "8080", "true", "localhost", b"\n"):
        sensitive.mark(value)

    assert sensitive.masked("true x abc 8080 localhost") == "true x abc 8080 localhost"


def test_no_line_of_a_key_passes() -> None:
    sensitive = Sensitive()
    sensitive.mark("-----BEGIN KEY-----\nbWFkZSB1cA==\nc29tZXRoaW5n\n-----END KEY-----\n", lines=True)

    assert sensitive.masked("it said: c29tZXRoaW5n") == "it said: ***"


def test_json_stays_json() -> None:
    sensitive = Sensitive()
    sensitive.mark("schema")
    sensitive.mark("123456")

    masked = sensitive.masked_json({"schema": 1, "n": 123456, "text": ["the schema", ["123456"]]})

    assert masked == {"schema": 1, "n": 123456, "text": ["the ***", ["***"]]}


def test_l12_bytes_that_are_not_text_do_not_stop_masking() -> None:
    value = b"ab\xffcdef".decode("utf-8", "surrogateescape")
    sensitive = Sensitive()
    sensitive.mark(value)

    assert sensitive.masked(f"it said {value} twice") == "it said *** twice"


def test_what_was_marked_in_a_scope_is_forgotten_after_it_and_the_rest_is_not() -> None:
    sensitive = Sensitive()
    sensitive.mark("outside-1")
    with sensitive.scoped():
        sensitive.mark("inside-2")
        assert sensitive.masked("outside-1 inside-2") == "*** ***"
    assert sensitive.masked("outside-1 inside-2") == "*** inside-2"
