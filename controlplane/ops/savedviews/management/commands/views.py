"""`manage.py views`: list, save, change and delete the shared views of lists."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import JSON_HELP, add_limit, identifier, json_object
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.schema import represent
from controlplane.ops.savedviews import editing, queries
from controlplane.ops.savedviews.content import Content, read_content, read_shipped
from controlplane.ops.savedviews.editing import Changes
from controlplane.ops.savedviews.management import tables
from controlplane.ops.savedviews.schema import Catalogue, View, ViewFilter
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from controlplane.workspaces.lists import SavableList, all_lists, get_list

_EXAMPLES = """\
  manage.py views lists
  manage.py views list --list tasks
  manage.py views create tasks "Failed today" \\
      --filters '{"status": ["FAILED"], "finishedAfter": "24h"}'
  manage.py views create tasks "My slowest" --like slowest --pinned
  manage.py views change ID --name "Tasks that failed"
  manage.py views delete ID"""


class Command(WorkspaceCommand):
    """It sees and makes the views that are shared with the workspace: private ones are their
    owners'."""

    help = "Saved views of lists: those that a workspace shares."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = self.add_subcommands(parser).add
        listing = add("list", self._list, "List views, newest first.", show=tables.show_views)
        add_options(listing, ViewFilter)
        add_limit(listing, maximum=1_000)
        add("lists", self._lists, "List the lists, with their filters.", show=tables.show_lists)
        show = add("show", self._show, "Show a view.", show=tables.show_view)
        create = add(
            "create", self._create, "Save a view.", show=tables.show_view, effect=Effect.MAKES
        )
        create.add_argument("list", help="name of the list, such as tasks")
        create.add_argument("name", help="name of the view")
        create.add_argument("--like", metavar="KEY", help="begin with this shipped view")
        _add_content(create)
        create.add_argument("--pinned", action="store_true", help="show it beside the list")
        change = add(
            "change", self._change, "Change a view.", show=tables.show_view, effect=Effect.MAKES
        )
        delete = add(
            "delete", self._delete, "Delete a view.", show=tables.show_view, effect=Effect.ENDS
        )
        for each in (show, change, delete):
            each.add_argument("id", type=identifier, help="id of the view")
        change.add_argument("--name", help="another name")
        _add_content(change)
        change.add_argument(
            "--pinned", action="store_const", const=True, help="show it beside the list"
        )
        change.add_argument(
            "--unpinned", dest="pinned", action="store_const", const=False, help="only in the menu"
        )

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(ViewFilter, options)
        views = queries.list_views(workspace_id, terminal_actor(), wanted.lists)
        found = views.select_related("workspace")[: options["limit"]]
        return [represent(View, view, None) for view in found]

    def _lists(self, workspace_id: UUID, options: Options) -> Any:
        return represent(Catalogue, list(all_lists()), None)

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        view = queries.get_view(workspace_id, options["id"], terminal_actor())
        return represent(View, view, None)

    def _create(self, workspace_id: UUID, options: Options) -> Any:
        of = get_list(options["list"])
        begin = _read_like(of, options["like"])
        given = _read_filters(options)
        content = read_content(
            of,
            begin.filters if given is None else given,
            begin.sort if options["sort"] is None else options["sort"],
            begin.columns if options["columns"] is None else options["columns"].split(","),
        )
        view = editing.create_view(
            workspace_id=workspace_id,
            list_name=of.name,
            name=options["name"],
            content=content,
            actor=terminal_actor(),
            is_shared=True,
            is_pinned=options["pinned"],
        )
        return represent(View, view, None)

    def _change(self, workspace_id: UUID, options: Options) -> Any:
        columns = options["columns"]
        view = editing.change_view(
            workspace_id=workspace_id,
            view_id=options["id"],
            changes=Changes(
                name=options["name"],
                filters=_read_filters(options),
                sort=options["sort"],
                columns=None if columns is None else columns.split(","),
                is_pinned=options["pinned"],
            ),
            actor=terminal_actor(),
        )
        return represent(View, view, None)

    def _delete(self, workspace_id: UUID, options: Options) -> Any:
        view = queries.get_view(workspace_id, options["id"], terminal_actor())
        look = Look(f"Delete the view {view}", "It is gone for everybody in the workspace.")
        self.look_twice(look, options)
        shown = represent(View, view, None)
        editing.delete_view(
            workspace_id=workspace_id, view_id=options["id"], actor=terminal_actor()
        )
        return shown


def _add_content(parser: ArgumentParser) -> None:
    parser.add_argument("--filters", metavar="JSON", help=f"filters by name: {JSON_HELP}")
    parser.add_argument("--sort", help="an order of the list, such as -createdAt")
    parser.add_argument("--columns", metavar="NAME[,NAME]", help="columns, where one may choose")


def _read_filters(options: Options) -> Mapping[str, Any] | None:
    given = options["filters"]
    return None if given is None else json_object(given, option="--filters")


def _read_like(of: SavableList, key: str | None) -> Content:
    """The content of a shipped view. Raises NotFound."""
    return Content() if key is None else read_shipped(of, of.get_shipped(key))
