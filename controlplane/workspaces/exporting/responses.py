"""An export as the response to a request."""

from collections.abc import Callable

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from controlplane.core.errors import Invalid
from controlplane.core.exports.files import FORMATS, Format
from controlplane.workspaces.exporting.stream import Export, Wanted


def read_format(text: str | None) -> Format:
    """The format that a parameter names, CSV without one. Raises Invalid."""
    name = text or "csv"
    if name not in FORMATS:
        names = f"{', '.join([*FORMATS][:-1])} or {[*FORMATS][-1]}"
        raise Invalid(errors=[{"field": "format", "message": f"{names}."}])
    return FORMATS[name]


def respond(request: HttpRequest, wanted: Wanted, start: Callable[[], Export]) -> HttpResponseBase:
    """The file, which is written while the client reads it. A HEAD request begins nothing."""
    pieces = iter(()) if request.method == "HEAD" else start()
    return StreamingHttpResponse(
        pieces,
        content_type=wanted.file_format.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{wanted.file_name}"',
            "Cache-Control": "private, no-store",
            "X-Accel-Buffering": "no",
        },
    )
