"""The difference of a corrected payload is shown by path, bounded, and without credentials."""

from dlq.reprocess import diff_payloads


def test_paths_are_added_removed_and_changed() -> None:
    before = {"a": {"b": [1, {"c": 2}], "same": None}, "gone": "x", "kind": 1}
    after = {"a": {"b": [1, {"c": 3}, 4], "same": None}, "new": {"x": 1}, "kind": True}
    assert diff_payloads(before, after) == {
        "added": {"a.b[2]": "4", "new": '{"x":1}'},
        "removed": {"gone": "x"},
        "changed": {"a.b[1].c": ["2", "3"], "kind": ["1", "true"]},
        "leftOut": 0,
    }


def test_what_looks_like_a_credential_is_masked() -> None:
    found = diff_payloads(
        {"apiKey": "old one", "url": "https://ada:secret1@example.org", "tokens": [1]},
        {"apiKey": "new one", "url": "https://ada:secret2@example.org", "auth": {"token": "t0p"}},
    )
    assert found["changed"]["apiKey"] == ["***", "***"]
    assert found["changed"]["url"] == ["https://ada:***@example.org"] * 2
    assert found["added"] == {"auth": '{"token":"***"}'}
    assert found["removed"] == {"tokens": "***"}


def test_what_lies_within_a_credential_is_masked() -> None:
    found = diff_payloads(
        {"password": {"value": "secret1", "of": [{"x": "secret2"}]}, "n": 1},
        {"password": {"value": "secret3", "of": [{"x": "secret4"}]}, "n": 2},
    )
    assert found["changed"] == {
        "n": ["1", "2"],
        "password.of[0].x": ["***", "***"],
        "password.value": ["***", "***"],
    }


def test_the_difference_is_bounded() -> None:
    found = diff_payloads({}, {f"key{n}": "x" * 10_000 for n in range(80)})
    assert (len(found["added"]), found["leftOut"]) == (50, 30)
    assert {len(value) for value in found["added"].values()} == {200}


def test_equal_payloads_do_not_differ() -> None:
    same = {"a": [1, {"b": None}]}
    assert diff_payloads(same, {"a": [1, {"b": None}]}) == {
        "added": {},
        "removed": {},
        "changed": {},
        "leftOut": 0,
    }
