"""The difference of two snapshots, as a change that makes the newer one out of the older one.

A snapshot is a JSON object. A change is `{"set": {path: value}, "remove": [path]}`: first the paths
of `remove` go, then the others are set. A path has the keys from the root, separated by `/`; in a
key, `~` is `~0` and `/` is `~1`, as in a JSON pointer. Lists and plain values are set as a whole,
so rows that change one by one are an object by id, with their order in a list beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Snapshot = dict[str, Any]


@dataclass(slots=True)
class Change:
    """What to set and what to remove; false if that is nothing."""

    set: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.set or self.remove)

    def to_json(self) -> dict[str, Any]:
        return {"set": self.set, "remove": self.remove}


def escape(key: str) -> str:
    """A key as a part of a path."""
    return key.replace("~", "~0").replace("/", "~1")


def split(path: str) -> list[str]:
    """The keys of a path."""
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]


def find_change(old: Snapshot, new: Snapshot) -> Change:
    """The change that turns `old` into `new`."""
    change = Change()
    _compare(old, new, "", change)
    return change


def apply(snapshot: Snapshot, change: Change) -> Snapshot:
    """The snapshot after the change. The given one stays as it is; unchanged parts are shared."""
    root = dict(snapshot)
    copied = {id(root)}
    for path in change.remove:
        parent, key = _parent_of(root, path, copied)
        if parent is not None:
            parent.pop(key, None)
    for path, value in change.set.items():
        parent, key = _parent_of(root, path, copied)
        if parent is None:
            raise ValueError(f"The snapshot has no object for {path!r}.")
        parent[key] = value
    return root


def merge(first: Change, second: Change) -> Change:
    """One change that does what the first and then the second do."""
    merged = Change(dict(first.set), list(first.remove))
    for path in second.remove:
        _forget_below(merged, path)
        above = _set_above(merged, path)
        if above is None:
            merged.remove.append(path)
        else:
            merged.set[above] = apply(merged.set[above], Change(remove=[_tail(path, above)]))
    for path, value in second.set.items():
        _forget_below(merged, path)
        above = _set_above(merged, path)
        if above is None:
            merged.set[path] = value
        else:
            merged.set[above] = apply(merged.set[above], Change({_tail(path, above): value}))
    return merged


def _compare(old: Snapshot, new: Snapshot, prefix: str, change: Change) -> None:
    for key in old:
        if key not in new:
            change.remove.append(prefix + escape(key))
    for key, value in new.items():
        path = prefix + escape(key)
        if key not in old:
            change.set[path] = value
        elif type(value) is dict and type(old[key]) is dict:
            _compare(old[key], value, f"{path}/", change)
        elif not _is_same(old[key], value):
            change.set[path] = value


def _is_same(one: Any, other: Any) -> bool:
    """Equal as JSON: `==` would not tell true from 1, or 1 from 1.0."""
    if type(one) is not type(other):
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(_is_same, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _parent_of(root: Snapshot, path: str, copied: set[int]) -> tuple[Snapshot | None, str]:
    """The object that holds the path's last key, copied on the way; None if there is none."""
    *above, key = split(path)
    parent = root
    for part in above:
        child = parent.get(part)
        if type(child) is not dict:
            return None, key
        if id(child) not in copied:
            child = dict(child)
            copied.add(id(child))
            parent[part] = child
        parent = child
    return parent, key


def _forget_below(change: Change, path: str) -> None:
    """Drop what the change says of the path and of what is below it."""
    below = f"{path}/"
    for known in [each for each in change.set if each == path or each.startswith(below)]:
        del change.set[known]
    change.remove = [each for each in change.remove if each != path and not each.startswith(below)]


def _set_above(change: Change, path: str) -> str | None:
    """The path above this one that the change sets."""
    return next((each for each in _above(path) if each in change.set), None)


def _above(path: str) -> Iterator[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _tail(path: str, above: str) -> str:
    return path[len(above) + 1 :]
