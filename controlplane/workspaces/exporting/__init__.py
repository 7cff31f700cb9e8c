"""Exports of lists: which there are, who may make them, and how one goes on until its end.

An app declares its lists with `register` in its module `exports`. The API, the pages and
`manage.py export` start an export with `start_export`, each with the rows that its own list has.
"""

from controlplane.workspaces.exporting.lists import (
    ExportedList,
    Selected,
    find_list,
    list_all,
    register,
)

__all__ = ["ExportedList", "Selected", "find_list", "list_all", "register"]
