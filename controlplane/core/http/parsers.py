"""Bodies of requests."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.http.request import UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from controlplane.core.errors import TooLarge
from controlplane.core.strictjson import BODY_EXTRA_DEPTH, MalformedJsonError, parse_json


class StrictJSONParser(BaseParser):
    """JSON within the limits BODY_MAX_BYTES and JSON_MAX_DEPTH; see `strictjson`.

    Raises:
        TooLarge: more bytes than the limit, announced or sent.
        ParseError: it is not JSON in UTF-8, or the client went away.
        Invalid: it is JSON that cannot be accepted.
    """

    media_type = "application/json"
    # The browsable API shows its forms with this.
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit: int = settings.TASKPLANE["BODY_MAX_BYTES"]
        request = (parser_context or {}).get("request")
        if request is not None and _announced(request) > limit:
            raise _too_large(limit)
        try:
            body = stream.read(limit + 1)
        except UnreadablePostError as error:
            raise ParseError("The body is incomplete.") from error
        if len(body) > limit:
            raise _too_large(limit)
        try:
            return parse_json(
                body,
                max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"],
                extra_depth=BODY_EXTRA_DEPTH,
            )
        except MalformedJsonError as error:
            raise ParseError(str(error)) from error


def _announced(request: Request) -> int:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    # A figure too long for a length is a length too great.
    return int(length[:20]) if length.isascii() and length.isdigit() else 0


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body has more than {limit} bytes, which is the limit.")
