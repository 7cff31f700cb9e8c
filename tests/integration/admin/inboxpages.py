"""The pages of the failure inbox: their addresses, and how a test reads them and acts there."""

import re
from functools import partial
from typing import Any

from django.test import Client

from dlq.grouping import GroupUpkeep
from dlq.models import DeadLetter, LetterGroup
from dlq.recording import fold_letter_counts
from tests.clients import staff_client

INBOX = "/admin/dlq/lettergroup/"
HOSTILE = "<script>alert(1)</script>"
login = partial(staff_client, apps=["dlq", "tasks_app"])


def page(client: Client, path: str = INBOX, **params: Any) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, group: LetterGroup, path: str, **data: Any) -> str:
    answer = client.post(f"{INBOX}{group.id}/{path}/", {"next": INBOX, **data}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def undo(client: Client, found: str) -> str:
    """Press the button of the message on that page."""
    key = re.search(r'name="undo" value="(undo-[0-9a-f]+)"', found)
    assert key is not None
    return client.post(
        "/admin/undo/", {"undo": key[1], "next": INBOX}, follow=True
    ).content.decode()


def group_of(letter: DeadLetter) -> LetterGroup:
    return LetterGroup.objects.get(id=letter.id)


def keep_up() -> None:
    fold_letter_counts()
    GroupUpkeep().run()
