"""What refers to a task type besides tasks. An app whose rows name types registers a finder in its
module `type_uses`, which is imported where uses are looked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.utils.module_loading import autodiscover_modules

MAX_USES = 500  # of each kind


@dataclass(frozen=True, slots=True)
class TypeUse:
    """One row that names a type. `model` is that of its page: `admin:<model>_change`."""

    type: str
    kind: str
    name: str
    model: str
    key: str


Finder = Callable[[Sequence[UUID] | None], Iterable[TypeUse]]
_finders: dict[str, Finder] = {}


def register(kind: str, find: Finder) -> None:
    """`find` takes workspaces (None: all) and gives at most MAX_USES uses."""
    _finders[kind] = find


@cache
def _discover() -> None:
    autodiscover_modules("type_uses")


def find_uses(workspaces: Sequence[UUID] | None) -> list[TypeUse]:
    """What names types in these workspaces. A statement or two for each kind."""
    _discover()
    return [use for find in _finders.values() for use in find(workspaces)]
