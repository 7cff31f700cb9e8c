"""Which task types live nodes declare, what they say of each, and where they disagree.

What is declared is read once for a page: one statement for the nodes. The content of a set never
changes, so a process remembers it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.db import connection

from controlplane.core.jsonb import load_jsonb
from controlplane.core.process_state import register_reset
from controlplane.core.sql import load_sql
from tasks_app.descriptors import Descriptor
from tasks_app.processors import registry
from tasks_app.processors.declarations import Declaration, declare
from workers.queries import list_live_nodes

MAX_NODES = 1_000
MAX_GONE = 1_000
_MAX_SETS = 32  # kept in memory

_sets: OrderedDict[str, Mapping[str, tuple[Declaration, str]]] = OrderedDict()
register_reset(_sets.clear)


@dataclass(frozen=True, slots=True)
class Declarer:
    """A live node."""

    id: int
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One declaration of a type, with the live nodes that declare it, the newest first."""

    declaration: Declaration
    digest: str
    nodes: Sequence[Declarer]


@dataclass(frozen=True, slots=True)
class TypeView:
    """A task type as the live nodes declare it.

    `variants`: the newest node's first; more than one if nodes disagree. `shown`: what describes
    it: that of the newest node, of this process's code, or the last one known. `since`: when the
    last node that declared it ended, if none does; None if it is not known. `is_judged`: whether
    all live nodes say what they declare, and there is one.
    """

    name: str
    shown: Declaration | None
    variants: Sequence[Variant] = ()
    since: datetime | None = None
    is_judged: bool = True
    is_in_app: bool = False

    @property
    def descriptor(self) -> Descriptor:
        return self.shown.descriptor if self.shown is not None else Descriptor()

    @property
    def nodes(self) -> list[Declarer]:
        """All live nodes that declare it."""
        return [node for variant in self.variants for node in variant.nodes]

    @property
    def has_disagreement(self) -> bool:
        return len(self.variants) > 1

    @property
    def is_gone(self) -> bool:
        """A node declared it once, and none does now."""
        return self.is_judged and not self.variants and self.since is not None

    @property
    def is_unknown(self) -> bool:
        """No node is known to have declared it."""
        return self.is_judged and not self.variants and self.since is None


@dataclass
class Catalogue:
    """What is declared now. `live`: by type, its variants."""

    nodes: Sequence[Declarer]
    live: Mapping[str, Sequence[Variant]] = field(default_factory=dict)

    @property
    def is_judged(self) -> bool:
        """A node of an earlier version of Taskplane does not say what it declares."""
        return bool(self.nodes) and all(node.digest for node in self.nodes)

    @cached_property
    def gone(self) -> Mapping[str, tuple[Declaration, datetime]]:
        """Types that no live node declares any more: their last declarations, and since when."""
        with connection.cursor() as cursor:
            cursor.execute(
                load_sql("tasks_app", "list_undeclared_types"),
                {"live": list(self.live), "limit": MAX_GONE},
            )
            return {
                name: (Declaration.from_json(name, load_jsonb(content)), since)
                for name, content, since in cursor.fetchall()
            }

    @property
    def names(self) -> list[str]:
        """All types that live nodes or this process declare."""
        return sorted({*self.live, *registry.names()})

    def get(self, name: str) -> TypeView:
        """What is known of a type; of an unknown one its name alone."""
        own = registry.find(name)
        if variants := self.live.get(name):
            return TypeView(name, variants[0].declaration, variants, is_in_app=own is not None)
        last, since = self.gone.get(name, (None, None))
        shown = last if own is None else declare(own)
        is_in_app = own is not None
        return TypeView(name, shown, (), since, is_judged=self.is_judged, is_in_app=is_in_app)

    def describe(self, name: str) -> Descriptor:
        """The descriptor alone."""
        return self.get(name).descriptor


def read_catalogue() -> Catalogue:
    """What live nodes declare. One statement, and one more for code that this process has not seen
    yet."""
    rows = list_live_nodes().values_list("id", "name", "declares")[:MAX_NODES]
    nodes = [Declarer(*row) for row in rows]
    sets = _read_sets({node.digest for node in nodes if node.digest})
    found: dict[str, dict[str, tuple[Declaration, list[Declarer]]]] = {}
    for node in nodes:
        for name, (declaration, digest) in sets.get(node.digest, {}).items():
            _, declarers = found.setdefault(name, {}).setdefault(digest, (declaration, []))
            declarers.append(node)
    live = {
        name: [Variant(declared, digest, own) for digest, (declared, own) in variants.items()]
        for name, variants in found.items()
    }
    return Catalogue(nodes, live)


def _read_sets(digests: Iterable[str]) -> dict[str, Mapping[str, tuple[Declaration, str]]]:
    wanted = set(digests)
    missing = [digest for digest in wanted if digest not in _sets]
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(load_sql("tasks_app", "read_declared_sets"), {"digests": missing})
            read: dict[str, dict[str, tuple[Declaration, str]]] = {}
            for digest, name, own, content in cursor.fetchall():
                declaration = Declaration.from_json(name, load_jsonb(content))
                read.setdefault(digest, {})[name] = (declaration, own)
        _sets.update(read)
    found = {digest: _sets[digest] for digest in wanted if digest in _sets}
    for digest in found:
        _sets.move_to_end(digest)
    while len(_sets) > max(_MAX_SETS, len(found)):
        _sets.popitem(last=False)
    return found


def list_types(*, with_internal: bool) -> list[TypeView]:
    """The types that live nodes or this process declare, by name."""
    catalogue = read_catalogue()
    views = map(catalogue.get, catalogue.names)
    return [each for each in views if each.shown and (with_internal or not each.shown.is_internal)]


def list_all_types(*, with_internal: bool) -> list[TypeView]:
    """As `list_types`, with those that a node declared once and none does now."""
    catalogue = read_catalogue()
    views = map(catalogue.get, sorted({*catalogue.names, *catalogue.gone}))
    return [each for each in views if each.shown and (with_internal or not each.shown.is_internal)]
