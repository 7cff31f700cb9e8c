"""The lists of the audit log, API keys and members, and the views of them that are shipped."""

from collections.abc import Mapping

from django.http import QueryDict

from controlplane.core.errors import Invalid
from controlplane.core.schema.values import Choices, join_values
from controlplane.workspaces.audit.address import ALL, DEFAULT_BY, NAMED, TITLES, read_address
from controlplane.workspaces.lists import (
    Given,
    ListFilter,
    SavableList,
    ShippedView,
    choice,
    filters_of,
    register,
)
from controlplane.workspaces.schema import BY, KEYS, PEOPLE, SYSTEM, AuditFilter
from controlplane.workspaces.states import Role

_BY = ListFilter("by", TITLES["by"], Choices(choices=(*BY, ALL)), is_joined=True, as_api={ALL: {}})
_AUDIT_TITLES = {**TITLES, "createdAfter": "Done after", "createdBefore": "Done before"}


def _check_audit(filters: Given) -> None:
    """Raises Invalid: the page cannot read them."""
    params = QueryDict(mutable=True)
    for name, values in filters.items():
        params[name] = join_values(values)
    if errors := read_address(params).errors:
        raise Invalid(errors=list(errors))


def _audit_in_api(filters: Given) -> Mapping[str, str]:
    """The API leaves nobody out by itself."""
    is_about_all = any(name in filters for name in ("by", *NAMED))
    return {} if is_about_all else {"by": join_values(DEFAULT_BY)}


AUDIT = SavableList(
    "audit",
    "Audit",
    path="admin/workspaces/auditevent/",
    api="audit",
    filters=(
        _BY,
        *(each for each in filters_of(AuditFilter, _AUDIT_TITLES) if each.name != "by"),
    ),
    check=_check_audit,
    shipped=(
        ShippedView("by-people", "By people", "What people did.", {"by": PEOPLE}),
        ShippedView("by-keys", "By keys", "What programs did.", {"by": KEYS}),
        ShippedView("platform", "The platform", "What the platform did by itself.", {"by": SYSTEM}),
        ShippedView("everything", "Everything", "What anybody did.", {"by": ALL}),
    ),
    bare_title="People and keys",
    has_own_tabs=True,
    in_api=_audit_in_api,
)
API_KEYS = SavableList(
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
register(AUDIT, API_KEYS, MEMBERS)
