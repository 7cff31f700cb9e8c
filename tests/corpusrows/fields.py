"""How a text of the corpus comes into a row: past forms and services."""

from typing import Any

from django.db.models import Model

from tests.corpus import KEYS, cut


def write(row: Model, **values: Any) -> None:
    """Past all checks but those of the database."""
    type(row)._default_manager.filter(pk=row.pk).update(**values)


def make_error(text: str) -> dict[str, Any]:
    return {"class": cut(text, 200), "message": text, "traceback": text, "category": "CODE"}


def payload_of(text: str) -> dict[str, Any]:
    return {text: text, "list": [text], **dict.fromkeys(KEYS, text[:50])}
