"""The list of bulk operations, and the views of it that are shipped."""

from controlplane.ops.operations.states import ENDED, OPEN
from controlplane.workspaces.lists import SavableList, ShippedView, choice, register

_SHOWN = {
    "open": {"status": ",".join(sorted(OPEN))},
    "ended": {"status": ",".join(sorted(ENDED))},
}

OPERATIONS = SavableList(
    "operations",
    "Bulk operations",
    path="admin/operations/operation/",
    api="operations",
    filters=(choice("show", "Shown", tuple(_SHOWN), as_api=_SHOWN),),
    shipped=(
        ShippedView("open", "Open", "Operations that have not ended.", {"show": "open"}),
        ShippedView("ended", "Ended", "Operations that have ended.", {"show": "ended"}),
    ),
)
register(OPERATIONS)
