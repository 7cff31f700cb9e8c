"""What happened: what of it is marked in a chart, and how the rest is counted."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.core.admin.charts import Frame, Series, draw_chart
from controlplane.core.admin.marks import Mark, choose_marks

AT = datetime(2026, 11, 27, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def marks(kind: str, number: int, begin: int = 0) -> list[Mark]:
    """One a minute."""
    return [Mark(AT + MINUTE * (begin + n), kind, f"{kind} {n}") for n in range(number)]


def test_what_explains_most_is_chosen_whatever_came_later() -> None:
    found = [*marks("release", 1), *marks("version", 1), *marks("scaling", 7, begin=1)]
    chosen = choose_marks(found, 6)
    assert [mark.words for mark in chosen.marks] == [
        "release 0", "version 0", "scaling 3", "scaling 4", "scaling 5", "scaling 6",
    ]  # fmt: skip
    assert chosen.left_out == "3 more changes of the number of workers"
    assert chosen.describe("Marks") == f"Marks; not marked: {chosen.left_out}"


def test_the_order_of_the_kinds() -> None:
    found = [
        *marks("release", 1), *marks("lost", 1, begin=1), *marks("pause", 1, begin=2),
        *marks("scaling", 1, begin=3), *marks("override", 1, begin=4),
        *marks("version", 1, begin=5),
    ]  # fmt: skip
    for most, kinds in (
        (1, ["version"]),
        (2, ["release", "version"]),
        (3, ["release", "lost", "version"]),
        (4, ["release", "lost", "pause", "version"]),
        (5, ["release", "lost", "pause", "override", "version"]),
    ):
        assert [mark.kind for mark in choose_marks(found, most).marks] == kinds


def test_what_is_left_out_is_counted_by_kind() -> None:
    found = [*marks("lost", 3), *marks("pause", 1), *marks("scaling", 2_000)]
    assert choose_marks(found, 2).left_out == (
        "1 more lost node, 1 pause or resumption of a queue and 2,000 changes of the number of "
        "workers"
    )
    chosen = choose_marks(found, 3_000)
    assert (chosen.left_out, chosen.describe("Marks")) == ("", "Marks")
    assert choose_marks([], 5).left_out == ""


@pytest.mark.parametrize(
    ("most", "words"),
    [
        (2, "at least 3 more changes of the number of workers"),
        (9, "perhaps more changes of the number of workers"),
    ],
)
def test_kinds_that_were_not_read_to_the_end_have_no_exact_number(most: int, words: str) -> None:
    assert choose_marks(marks("scaling", 5), most, cut={"scaling"}).left_out == words


def test_the_legend_says_what_the_dotted_lines_are() -> None:
    frame = Frame(
        times=[AT, AT + MINUTE], zone=UTC, write=str, sentence="A line.", events_title="Releases"
    )
    legend = draw_chart(frame, [Series("a", [1.0, 2.0])]).legend
    assert [(line.css, line.text) for line in legend[1:]] == [("mark", "Releases")]
