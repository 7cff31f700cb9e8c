"""The list of scaling events, and the views of it that are shipped."""

from controlplane.workspaces.lists import (
    SavableList,
    ShippedView,
    choice,
    register,
    search,
    text,
)
from scaling.states import EventState, Trigger

ALL = "all"

EVENTS = SavableList(
    "scaling-events",
    "Scaling decisions",
    path="admin/scaling/scalingevent/",
    api="health/scaling-events",
    filters=(
        choice("state", "State", (ALL, *EventState.values), as_api={ALL: {"unchanged": "true"}}),
        choice("trigger", "Decided by", Trigger.values, page="trigger__exact"),
        text("rule", "Rule", page="rule__exact"),
        text("constraint", "Constraint", page="constraint__exact", api=None),
        search(api=None),
    ),
    shipped=(
        ShippedView(
            "late", "Timed out", "Decisions whose number was not reached.", {"state": "TIMED_OUT"}
        ),
        ShippedView("failed", "Failed", "Decisions that were refused.", {"state": "FAILED"}),
        ShippedView("by-people", "By people", "Overrides by hand.", {"trigger": "person"}),
        ShippedView("everything", "Everything", "Also decisions without a change.", {"state": ALL}),
    ),
    is_by_workspace=False,
    bare_title="Changes",
)
register(EVENTS)
