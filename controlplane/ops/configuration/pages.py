"""The addresses of the settings: route, view, and the name of the URL."""

from collections.abc import Sequence
from typing import Any

from django.views.decorators.http import require_POST

from controlplane.ops.configuration import facts, keys, members, queues, scaling

PAGES: Sequence[tuple[str, Any, str]] = (
    ("settings/", scaling.scaling, "settings_scaling"),
    ("settings/queues/", queues.queues, "settings_queues"),
    ("settings/retention/", facts.retention, "settings_retention"),
    ("settings/keys/", keys.keys, "settings_keys"),
    ("settings/keys/<uuid:object_id>/revoke/", require_POST(keys.revoke), "settings_key_revoke"),
    ("settings/members/", members.members, "settings_members"),
    (
        "settings/members/<uuid:object_id>/role/",
        require_POST(members.change_role),
        "settings_member_role",
    ),
    (
        "settings/members/<uuid:object_id>/remove/",
        require_POST(members.remove),
        "settings_member_remove",
    ),
    ("settings/product/", facts.product, "settings_product"),
)
