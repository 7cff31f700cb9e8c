"""The corpus in every field of every row, and all pages over it: text stays text."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from tests.browser.pages import PAGES, Case
from tests.corpus import TEXTS, cut
from tests.corpusworld import CorpusWorld
from tests.pagescan import Scan

# The rows are committed by the fixture of the module; a test itself writes nothing.
pytestmark = pytest.mark.django_db

LISTS = [case for case in PAGES if not case.row and case.status == 200]
DETAILS = [case for case in PAGES if case.row]
# Pages of Django, whose sentences hold a name without an element around it.
DJANGOS = {"delete-user", "history"}


class Looks:
    """The world, and a superuser who looks at it."""

    def __init__(self) -> None:
        self.world = CorpusWorld()
        self.person = get_user_model().objects.create_superuser("root")

    def get(self, address: str, *, is_anonymous: bool = False) -> Scan:
        client = Client()
        if not is_anonymous:
            client.force_login(self.person)
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, f"{answer.status_code} of {address}"
        return Scan(answer.content.decode())


@pytest.fixture(scope="module")
def looks(committed_rows: None) -> Iterator[Looks]:
    before = settings.TASKPLANE["ENVIRONMENT_NAME"]
    settings.TASKPLANE["ENVIRONMENT_NAME"] = cut(TEXTS["handler"], 24)
    yield Looks()
    settings.TASKPLANE["ENVIRONMENT_NAME"] = before


def address_of(case: Case, row: Any) -> str:
    """The address of a page; a task that has ended is asked whether it shall run again."""
    return case.url(lambda _: row).replace("action=cancel", "action=retry")


@pytest.mark.parametrize("case", LISTS, ids=lambda case: case.name)
def test_a_page_shows_text(looks: Looks, case: Case) -> None:
    faults = looks.get(address_of(case, None), is_anonymous=case.is_anonymous).faults
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("case", DETAILS, ids=lambda case: case.name)
def test_the_page_of_a_row_shows_text(looks: Looks, case: Case) -> None:
    rows = looks.world.rows.get(case.row) or {"any": looks.world.row(case.row)}
    faults = [
        f"{name}: {found}"
        for name, row in rows.items()
        for found in looks.get(address_of(case, row)).faults
        if case.name not in DJANGOS or "not isolated" not in found
    ]
    assert not faults, "\n".join(faults)


# What lists and pages read in their addresses.
# A JSON column is left out: its error would abort the transaction of the test.
PARAMETERS = (
    "q", "search", "state", "status", "queue", "type", "tag", "worker", "node", "errorClass",
    "stepKey", "text", "payload.a", "createdAfter", "minPriority", "minDurationMs",
    "sort", "after", "before", "columns", "workspace", "span", "from", "to", "by", "show", "order",
    "p", "o", "e", "all", "version", "steps_page", "fingerprint", "status__exact", "state__exact",
    "category__exact", "died_at__gte", "enabled__exact", "workspace__id__exact", "side", "ids",
    "anchor", "end", "figures", "action", "source", "with", "compact", "_changelist_filters",
    "_popup",
)  # fmt: skip
REFUSALS = (200, 302, 400, 403, 404, 422)


def look(looks: Looks, address: str, params: dict[str, str]) -> list[str]:
    client = Client(raise_request_exception=False)
    client.force_login(looks.person)
    answer = client.get(address, params)
    if answer.status_code not in REFUSALS:
        return [f"a status of {answer.status_code}"]
    return Scan(answer.content.decode()).faults if answer.status_code != 302 else []


def groups() -> Iterator[dict[str, str]]:
    """NUL, which Postgres refuses, in each alone; other values in several at once."""
    for name in PARAMETERS:
        yield {name: "a\x00b"}
    for value in (TEXTS["handler"], TEXTS["like a great number"]):
        for begin in range(0, len(PARAMETERS), 5):
            yield dict.fromkeys(PARAMETERS[begin : begin + 5], value)


@pytest.mark.parametrize("case", LISTS, ids=lambda case: case.name)
def test_any_value_in_an_address_gives_a_page(looks: Looks, case: Case) -> None:
    address = address_of(case, None).partition("?")[0]
    faults = [f"{params}: {found}" for params in groups() for found in look(looks, address, params)]
    assert not faults, "\n".join(faults)
