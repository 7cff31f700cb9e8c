"""The lists of the audit log, API keys and members, and the views of them that are shipped."""

from controlplane.workspaces.lists import SavableList, ShippedView, choice, register, search
from controlplane.workspaces.states import ActorKind, Role

AUDIT = SavableList(
    "audit",
    "Audit",
    path="admin/workspaces/auditevent/",
    api="audit",
    filters=(
        choice("actorKind", "By", ActorKind.values, page="actor_kind__exact", api=None),
        search(api=None),
    ),
    shipped=(
        ShippedView("by-people", "By people", "What people did.", {"actorKind": "user"}),
        ShippedView("by-keys", "By keys", "What programs did.", {"actorKind": "key"}),
    ),
)
KEYS = SavableList(
    "api-keys",
    "API keys",
    path="admin/workspaces/apikey/",
    api="api-keys",
    filters=(choice("role", "Role", Role.values, page="role__exact", api=None),),
    shipped=(ShippedView("admins", "Admins", "Keys with the role admin.", {"role": "admin"}),),
)
MEMBERS = SavableList(
    "members",
    "Members",
    path="admin/workspaces/membership/",
    api="",
    filters=(choice("role", "Role", Role.values, page="role__exact", api=None),),
    shipped=(ShippedView("admins", "Admins", "Members with the role admin.", {"role": "admin"}),),
)
register(AUDIT, KEYS, MEMBERS)
