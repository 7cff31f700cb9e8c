"""The tasks of a list as a file."""

from itertools import chain

from django.http import HttpRequest, StreamingHttpResponse

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.workspaces.adminaccess import actor_in
from tasks_app.admin.listaddress import ListAddress
from tasks_app.admin.listpage import read_scope
from tasks_app.exports import MEDIA_TYPES, export
from tasks_app.queries import in_bounded_time, iterate_tasks


def stream(request: HttpRequest, address: ListAddress) -> StreamingHttpResponse:
    """Every task that matches, newest first, of one workspace. Raises Invalid for a wrong address,
    several workspaces, or a search that takes too long.
    """
    if address.errors:
        raise Invalid(errors=address.errors)
    scope = read_scope(request, address)
    if len(scope.slugs) != 1:
        raise Invalid("A file has the tasks of one workspace: choose it in the filter.")
    (workspace_id,) = scope.ids
    chunks = iterate_tasks(workspace_id, address.wanted)
    with in_bounded_time():  # a search that takes too long is refused, not cut off
        first = next(chunks, [])
    return StreamingHttpResponse(
        export("csv", chain([first], chunks), actor_in(request, workspace_id)),
        content_type=MEDIA_TYPES["csv"],
        headers={
            "Content-Disposition": f'attachment; filename="tasks-{now():%Y%m%d-%H%M%S}.csv"',
            "X-Accel-Buffering": "no",
        },
    )
