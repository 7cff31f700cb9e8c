"""Saved views for people at a terminal."""

from collections.abc import Mapping
from typing import Any

from controlplane.core.console.tables import Console, columns_of, list_view, table_of


def show_view(console: Console, view: Mapping[str, Any]) -> None:
    """What it shows, whose it is, and its addresses."""
    whose = "shared" if view["isShared"] else "private"
    pinned = ", pinned" if view["isPinned"] else ""
    console.write(f"view {view['id']}: {view['name']}, of {view['list']}")
    console.write(f"{whose}{pinned}, of {view['owner']['name']}, version {view['version']}")
    console.write(f"shows: {view['inWords']}")
    for problem in view["problems"]:
        console.write(f"no longer known: {problem['field']}: {problem['message']}")
    if view["page"]:
        console.write(f"page: {view['page']}")
    if view["api"]:
        console.write(f"API: GET {view['api']}")


def show_lists(console: Console, catalogue: Mapping[str, Any]) -> None:
    """The lists with their filters, and what is shipped."""
    console.print(
        table_of(
            {
                "list": "name",
                "filters": lambda each: ", ".join(found["name"] for found in each["filters"]),
                "shipped": lambda each: ", ".join(found["key"] for found in each["shipped"]),
            },
            catalogue["lists"],
        )
    )


show_views = list_view(
    {
        **columns_of("id", "list", "name"),
        "whose": lambda view: "shared" if view["isShared"] else view["owner"]["name"],
        "shows": "inWords",
    },
    empty="There is no saved view yet.",
)
