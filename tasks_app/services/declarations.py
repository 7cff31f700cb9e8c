"""Nodes declare their processors: which types this code has, and what it says of each."""

from datetime import timedelta
from itertools import chain

from django.db import transaction
from django.db.models import Exists, OuterRef

from controlplane.core.clock import now
from tasks_app.models import DeclaredSet, TypeDeclaration
from tasks_app.processors.declarations import declare_all, digest_of_set
from workers.queries import get_node, list_live_nodes
from workers.services import note_declared

KEPT = timedelta(days=365)


def publish_declarations(node_id: int) -> None:
    """Record what this process's code declares as what the node declares. Two statements, unless
    the code is new."""
    declared = declare_all()
    digest = digest_of_set([each for _, each in declared.values()])
    with transaction.atomic():
        # It also locks the row, so that no clean-up removes it.
        known = DeclaredSet.objects.filter(digest=digest).update(last_declared_at=now())
        if not known:
            members = TypeDeclaration.objects.bulk_create(
                [
                    TypeDeclaration(type=name, digest=own, content=each.to_json())
                    for name, (each, own) in sorted(declared.items())
                ],
                update_conflicts=True,
                unique_fields=["type", "digest"],
                update_fields=["last_declared_at"],
            )
            DeclaredSet.objects.bulk_create(
                [DeclaredSet(digest=digest, members=[each.pk for each in members])],
                ignore_conflicts=True,
            )
        note_declared(node_id, digest)


def note_end_of_declarer(node_id: int) -> None:
    """The node has ended: until now its set was declared."""
    digest = get_node(node_id).declares
    if digest:
        DeclaredSet.objects.filter(digest=digest).update(last_declared_at=now())


def prune_declarations(limit: int) -> int:
    """Remove at most `limit` sets that no node has declared for a year, and declarations that are
    in no set. Returns how many were removed."""
    before = now() - KEPT
    live = list_live_nodes().filter(declares=OuterRef("digest"))
    old_sets = DeclaredSet.objects.filter(~Exists(live), last_declared_at__lt=before)
    with transaction.atomic():
        sets, _ = DeclaredSet.objects.filter(
            digest__in=list(old_sets.values_list("digest", flat=True)[:limit]),
            last_declared_at__lt=before,
        ).delete()
        old = TypeDeclaration.objects.filter(last_declared_at__lt=before)
        # Sets are few: those of a year of new code.
        used = set(chain.from_iterable(DeclaredSet.objects.values_list("members", flat=True)))
        unused = [each for each in old.values_list("id", flat=True) if each not in used][:limit]
        declarations, _ = TypeDeclaration.objects.filter(
            id__in=unused, last_declared_at__lt=before
        ).delete()
    return sets + declarations
