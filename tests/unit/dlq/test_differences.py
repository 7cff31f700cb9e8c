"""What differs among payloads."""

from dlq.differences import MAX_FIELDS, MAX_PAYLOADS, compare_payloads


def test_fields_that_differ_come_with_their_values() -> None:
    found = compare_payloads(
        [
            {"gateway": "eu-1", "order": {"id": number, "amount": 1.5}, "tags": ["a"]}
            for number in range(5)
        ]
        + [{"gateway": "eu-2", "order": {"id": 9}, "tags": ["a"]}]
    )
    assert found.payloads == 6
    amount, gateway, order = found.differing
    assert (gateway.path, gateway.distinct, gateway.values) == (
        "gateway",
        2,
        [('"eu-1"', 5), ('"eu-2"', 1)],
    )
    assert (order.path, order.low, order.high, order.distinct) == ("order.id", "0", "9", 6)
    assert (amount.path, amount.values, amount.missing) == ("order.amount", [("1.5", 5)], 1)
    assert [(each.path, each.values) for each in found.equal] == [("tags", [('["a"]', 6)])]


def test_kinds_of_values_are_different_values() -> None:
    (field,) = compare_payloads([{"n": 1}, {"n": 1.0}, {"n": True}, {"n": "1"}]).differing
    assert field.distinct == 4
    assert field.low is None


def test_odd_payloads() -> None:
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"in": deep}
    for payload in ({}, [], None, 1, "x", deep, {"": {"": 1}}, {"n": 10**30}, {"x": "y" * 9_999}):
        found = compare_payloads([payload, payload])
        assert found.differing == []
        assert all(len(text) <= 80 for each in found.equal for text, _ in each.values)
    assert compare_payloads([]).payloads == 0
    assert compare_payloads([{"a": 1}, {}]).differing[0].missing == 1


def test_it_is_bounded() -> None:
    wide = [{f"field-{number}": row for number in range(500)} for row in range(MAX_PAYLOADS + 50)]
    found = compare_payloads(wide)
    assert (found.payloads, len(found.differing), found.has_more) == (
        MAX_PAYLOADS,
        MAX_FIELDS,
        True,
    )
