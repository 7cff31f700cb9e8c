"""Keys, members, audit entries, views and bulk operations, full of one text."""

from typing import Any

from django.contrib.auth import get_user_model

from controlplane.core.ids import uuid7
from controlplane.ops.operations.models import Operation
from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from tests.clients import key_client
from tests.corpus import cut
from tests.corpusrows.fields import write
from tests.factories import make_items, make_operation, make_view


def hostile_people(name: str, text: str, home: Workspace) -> list[Any]:
    key: ApiKey = key_client(name=f"key {name}").api_key
    write(key, name=cut(text, 200), created_by=cut(text, 200))
    user = get_user_model().objects.create_user(f"member {name}")
    write(
        user, username=cut(text, 130) + name[:20], first_name=cut(text, 150), email=cut(text, 254)
    )
    member = Membership.objects.create(workspace=home, user=user, role="viewer")
    event = AuditEvent.objects.create(
        workspace=home,
        actor_kind="user",
        actor_id=cut(text, 64),
        actor_label=cut(text, 200) or "-",
        action="queue.change",
        target_type="queue",
        target_id=cut(text, 200) or "-",
        detail={
            "before": {"paused": False, text: text},
            "after": {"paused": True, text: f"{text} "},
            "name": text,
            text: text,
            "reason": text,
        },
        request_id=cut(text, 64),
    )
    return [key, user, member, event]


def hostile_view(text: str, number: int) -> SavedView:
    view = make_view(name=f"view {number}", is_shared=True, is_pinned=True)
    filters = {"type": [cut(text, 200)], cut(text, 60): [text]}
    write(view, name=f"{cut(text, 70)} {number}", owner_label=cut(text, 200), filters=filters)
    return view


def hostile_operation(text: str) -> Operation:
    operation = make_operation()
    write(operation, reason=text, selection={"filter": {"search": text}}, created_by=cut(text, 200))
    (item,) = make_items(operation, {str(uuid7()): "FAILED"})
    write(item, detail=text)
    return operation
