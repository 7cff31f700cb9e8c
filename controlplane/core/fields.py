"""Fields of models."""

import json
from typing import TYPE_CHECKING, Any

from django.db import models

from controlplane.core.jsonb import dump_jsonb, load_jsonb

# Generic for the type checker only.
if TYPE_CHECKING:
    _JSONField = models.JSONField[Any, Any]
else:
    _JSONField = models.JSONField


class JSONBField(_JSONField):
    """A JSONField whose numbers keep their kind; see `jsonb`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "encoder": _Encoder, "decoder": _Decoder})

    def deconstruct(self) -> Any:
        """As a JSONField, since the column is the same: no migration is needed."""
        name, _, args, kwargs = super().deconstruct()
        del kwargs["encoder"], kwargs["decoder"]
        return name, "django.db.models.JSONField", args, kwargs


class _Encoder(json.JSONEncoder):
    def encode(self, o: Any) -> str:
        return dump_jsonb(o).decode()


class _Decoder(json.JSONDecoder):
    def decode(self, s: str, *_: Any) -> Any:
        return load_jsonb(s)
