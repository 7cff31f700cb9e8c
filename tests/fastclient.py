"""A client with an API key, whose requests take the fast path where the server's do."""

from typing import Any

from django.http import HttpResponse
from rest_framework.test import APIClient, ForceAuthClientHandler

from controlplane.core.http.fastpath import FastResponder
from controlplane.core.http.messages import Reply


class KeyClient(APIClient):
    """`takes_fast_path` False: Django serves everything."""

    def __init__(self, *, takes_fast_path: bool = True, **options: Any) -> None:
        super().__init__(**options)
        if takes_fast_path:
            self.handler = _Handler()


class _Handler(ForceAuthClientHandler):
    def get_response(self, request: Any) -> Any:
        reply = FastResponder().respond(_scope(request), request)
        return super().get_response(request) if reply is None else _response(reply)


def _scope(request: Any) -> dict[str, Any]:
    """As a server passes it on. The client that sends no Host means its own name."""
    headers = {"Host": request.META.get("SERVER_NAME", ""), **request.headers}
    return {
        "type": "http",
        "method": request.method,
        "path": request.path_info,
        "query_string": request.META["QUERY_STRING"].encode(),
        "headers": [(n.lower().encode(), v.encode("latin1")) for n, v in headers.items() if v],
        "client": (request.META["REMOTE_ADDR"], 1),
        "scheme": request.scheme,
    }


def _response(reply: Reply) -> HttpResponse:
    headers = {name.decode(): value.decode("latin1") for name, value in reply.headers}
    assert len(headers) == len(reply.headers), f"a header twice: {reply.headers}"
    response = HttpResponse(reply.body, status=reply.status, headers=headers)
    if "content-type" not in headers:
        del response.headers["Content-Type"]
    response.taken = "fast"  # type: ignore[attr-defined] # read by tests
    return response
