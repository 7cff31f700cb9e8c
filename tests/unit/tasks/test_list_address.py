"""The address of the list of tasks."""

from django.http import QueryDict

from controlplane.core.schema.filters import conditions
from tasks_app.admin.listaddress import clean_params, read_address
from tasks_app.admin.listfilters import TITLES
from tasks_app.columns import COLUMNS, DEFAULT_COLUMNS
from tasks_app.filters import TaskFilter
from tasks_app.queries import SORT_FIELDS


def test_every_filter_of_the_api_has_a_title() -> None:
    assert set(TITLES) == set(conditions(TaskFilter))


def test_columns_sort_by_what_the_api_sorts_by() -> None:
    assert {column.sort for column in COLUMNS.values()} - {""} == set(SORT_FIELDS)
    assert set(DEFAULT_COLUMNS) < set(COLUMNS)


def test_a_link_keeps_what_it_does_not_change() -> None:
    address = read_address(QueryDict("queue=mail&sort=name&rows=normal&after=x"))
    assert address.link(queue=None) == "?sort=name&rows=normal"
    assert address.link(status="FAILED") == "?queue=mail&sort=name&rows=normal&status=FAILED"
    assert read_address(QueryDict("")).link() == "?"


def test_errors_are_collected_and_nothing_is_raised() -> None:
    address = read_address(QueryDict("minPriority=x&nonsense=1&sort=y"))
    assert {each["field"] for each in address.errors} == {"minPriority", "nonsense", "sort"}


def test_cleaning_is_done_once() -> None:
    texts = (
        "status=FAILED&status=RUNNING&queue=&payload=a.b%3D+7+&q=+x+",
        "columns=a&columns=b&columns=c",
        "payload=only-a-path",
        "tag=%22a,b%22,c",
    )
    for text in texts:
        once = clean_params(QueryDict(text))
        assert clean_params(once).urlencode() == once.urlencode()
    assert clean_params(QueryDict(texts[0])).dict() == {
        "status": "FAILED,RUNNING", "payload.a.b": "7", "search": "x",
    }  # fmt: skip
