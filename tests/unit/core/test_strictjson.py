"""JSON from strangers: what is taken, what is refused, and that nothing else can happen."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.errors import Invalid
from controlplane.core.strictjson import MalformedJsonError, parse_json

DEPTH = 32

MALFORMED = {
    "nothing": b"",
    "only spaces": b"   ",
    "unclosed": b'{"a": [1, 2',
    "trailing garbage": b'{"a": 1} x',
    "two values": b"1 2",
    "single quotes": b"{'a': 1}",
    "trailing comma": b"[1,]",
    "leading zero": b"[01]",
    "NaN": b"[NaN]",
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b"[-Infinity]",
    "a raw NUL": b'{"a": "\x00"}',
    "a raw newline in a string": b'["\n"]',
    "not UTF-8": b'{"a": "\xff"}',
    "a surrogate as bytes": b'["\xed\xa0\x80"]',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a bad escape": b'["\\x41"]',
    "a lone quote": b'"',
    "a lone backslash": b'"\\',
    "a million closing brackets": b"]" * 1_000_000,
}

REFUSED = {
    "33 levels": b"[" * 33 + b"]" * 33,
    "2,000 levels": b"[" * 2_000 + b"]" * 2_000,
    "2,000 levels of objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "a million levels": b"[" * 1_000_000 + b"]" * 1_000_000,
    "a million levels, unclosed": b"[" * 1_000_000,
    "a million levels behind a string": b'["]]]]", ' + b"[" * 1_000_000,
    "U+0000 in a value": b'{"a": "x\\u0000"}',
    "U+0000 in a key": b'{"\\u0000": 1}',
    "U+0000 behind an escaped backslash": b'["\\\\\\u0000"]',
    "a lone high surrogate": b'["\\ud800"]',
    "a lone low surrogate": b'["\\uDC00"]',
    "a lone surrogate in a key": b'{"\\ud800": 1}',
    "surrogates in the wrong order": b'["\\ude00\\ud83d"]',
    "5,000 digits": b"[" + b"9" * 5_000 + b"]",
    "2^63": b"[9223372036854775808]",
    "-2^63-1": b"[-9223372036854775809]",
    "1e200000": b"[1e200000]",
    "-1e999": b"[-1e999]",
    "1E+400": b"[1E+400]",
    "a number of 500 characters": b"[1." + b"1" * 500 + b"]",
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, once escaped": b'{"a": 1, "\\u0061": 2}',
    "a key twice, deep down": b'{"b": [{"c": {"a": 1, "x": 0, "a": 1}}]}',
}

ACCEPTED = {
    "32 levels": (b"[" * 32 + b"]" * 32, None),
    "many brackets in a string": (b'["' + b"[" * 5_000 + b'"]', ["[" * 5_000]),
    "many brackets side by side": (b"[" + b",".join([b"[]"] * 5_000) + b"]", [[]] * 5_000),
    "an escaped backslash before u0000": (b'["\\\\u0000"]', ["\\u0000"]),
    "an escaped backslash before ud800": (b'["\\\\ud800"]', ["\\ud800"]),
    "a pair of surrogates": (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
    "2^63-1": (b"[9223372036854775807]", [2**63 - 1]),
    "-2^63": (b"[-9223372036854775808]", [-(2**63)]),
    "19 digits in a string": (b'["9999999999999999999999"]', ["9999999999999999999999"]),
    "many decimals": (b"[0.1234567890123456789012]", [0.12345678901234568]),
    "1e308": (b"[1e308]", [1e308]),
    "almost nothing": (b"[1e-400]", [0.0]),
    "the same key in two objects": (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "a scalar": (b" null ", None),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError, match=r"^The body is not "):
        parse_json(body, max_depth=DEPTH)


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_json_beyond_a_limit_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        parse_json(body, max_depth=DEPTH)
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(("body", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_within_the_limits_is_taken(body: bytes, value: Any) -> None:
    found = parse_json(body, max_depth=DEPTH)
    assert found == (value if value is not None else json.loads(body))


def test_the_message_gives_the_limit() -> None:
    with pytest.raises(Invalid, match="the limit is 32 levels"):
        parse_json(b"[" * 33 + b"]" * 33, max_depth=DEPTH)
    with pytest.raises(Invalid, match="64 bits"):
        parse_json(b"[" + b"1" * 30 + b"]", max_depth=DEPTH)


def test_a_duplicate_key_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        parse_json(b'{"priority": 1, "priority": 2}', max_depth=DEPTH)
    assert refused.value.errors == [{"field": "priority", "message": "This key occurs twice."}]


HOSTILE_AND_LONG = {
    "escaped quotes": b"[" * 40 + b'"' + b'\\"' * 1_000_000,
    "backslashes": b"[" * 40 + b'"' + b"\\" * 2_000_000,
    "backslashes before u0000": b'"' + b"\\" * 2_000_000 + b'u0000"',
    "surrogates": b'"' + b"\\ud83d\\ude00" * 200_000 + b'"',
    "quotes": b"[" * 40 + b'"' * 2_000_001,
    "digits": b"9" * 2_000_000,
    "decimals": b"1." + b"1" * 2_000_000,
    "nested, unclosed": b'{"a":[' * 500_000,
}


@pytest.mark.parametrize("body", HOSTILE_AND_LONG.values(), ids=HOSTILE_AND_LONG.keys())
def test_no_text_takes_more_than_linear_time(body: bytes) -> None:
    started = time.thread_time()
    with contextlib.suppress(MalformedJsonError, Invalid):
        parse_json(body, max_depth=DEPTH)
    # About 0.1 s of the processor; anything quadratic would take minutes.
    assert time.thread_time() - started < 5


def test_ten_thousand_tasks_are_parsed_at_once() -> None:
    tasks = [
        {"name": f"n{i}", "type": "noop", "payload": {"blob": "x" * 900}} for i in range(10**4)
    ]
    body = json.dumps({"tasks": tasks}).encode()
    started = time.thread_time()
    assert parse_json(body, max_depth=DEPTH) == {"tasks": tasks}
    assert time.thread_time() - started < 3


def depth_of(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, inner), default=0)
    return 0


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(texts, v), max_leaves=30)


@given(values, st.booleans())
def test_every_storable_value_comes_through_unchanged(value: Any, ensure_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=ensure_ascii).encode()
    assert parse_json(body, max_depth=200) == value


@given(values, st.integers(1, 6))
def test_the_depth_is_measured_exactly(value: Any, limit: int) -> None:
    body = json.dumps(value).encode()
    if depth_of(value) > limit:
        with pytest.raises(Invalid, match="nested too deep"):
            parse_json(body, max_depth=limit)
    else:
        assert parse_json(body, max_depth=limit) == value


PIECES = [b"[", b"]", b"{", b"}", b'"', b"\\", b":", b",", b"1", b"e", b"-", b".5", b"9" * 20]
WORDS = [b"\\u0000", b"\\ud800", b"null", b"NaN", b" ", b"\xff", b"\xc3\xa9", b'"a":']
pieces = st.sampled_from([*PIECES, *WORDS])


@given(st.binary(max_size=60) | st.lists(pieces, max_size=40).map(b"".join))
def test_any_bytes_give_a_value_or_a_refusal(body: bytes) -> None:
    try:
        value = parse_json(body, max_depth=4)
    except (MalformedJsonError, Invalid):
        return
    assert depth_of(value) <= 4
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    assert "\0" not in text
    assert json.loads(text.encode()) == value
