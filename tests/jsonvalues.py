"""JSON values for property-based tests, and when two of them are the same."""

from typing import Any

from hypothesis import strategies as st

INTEGERS = [0, -1, 2**31, 2**53, 2**53 + 1, 10**18, 2**63 - 1, -(2**63)]
FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.1, 1e15, 1e16, -1e16, 123456789012345680.0, 9.2e18, 1e19, 1.8e19, 1e20,
    1e22, 2.0**63, 2.0**64, 1e100, 1e308, 1.7976931348623157e308, 1e-7, 1e-300,
    2.2250738585072014e-308, 5e-324,
]  # fmt: skip
TEXTS = [
    "", " ", "1e+20", "-0.0", "=1+1", '"', "\\", "\\u0000", "a,b", "{{", "}}", "\n\r\t", "\x01\x7f",
    "_x0041_x0042_", "\ufffe\uffff", "\u2028", "\U0001f600", "100000000000000000000",
    "null", "__proto__",
]  # fmt: skip

texts = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
integers = st.sampled_from(INTEGERS) | st.integers(-(2**63), 2**63 - 1)
floats = st.sampled_from(FLOATS) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | texts


def json_values(max_leaves: int = 12) -> st.SearchStrategy[Any]:
    """Values that every door takes: integers of 64 bits, finite floats, no NUL, no surrogate."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=max_leaves,
    )


def is_same(found: Any, expected: Any) -> bool:
    """Whether two JSON values are equal, in kind too: 1 is not 1.0, and not true. The sign of a
    zero is no part of a value."""
    if type(found) is not type(expected):
        return False
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            is_same(found[key], item) for key, item in expected.items()
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(is_same, found, expected))
    return bool(found == expected)
