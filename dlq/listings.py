"""The lists of dead letters, their failures and replays, and the views that are shipped."""

from controlplane.core.schema.values import Moment
from controlplane.workspaces.lists import (
    ListFilter,
    SavableList,
    ShippedView,
    choice,
    register,
    search,
    text,
)
from dlq.states import GroupState, LetterStatus, ReplayState
from tasks_app.states import ErrorCategory

# What the inbox shows, and the same in the API.
INBOX_VIEWS = {
    "mine": {"state": "OPEN,REGRESSED,ACKNOWLEDGED", "owner": "me,nobody"},
    "all": {"state": ",".join(GroupState.values)},
    **{
        state.lower(): {"state": str(state)}
        for state in (
            GroupState.OPEN,
            GroupState.REGRESSED,
            GroupState.ACKNOWLEDGED,
            GroupState.MUTED,
            GroupState.RESOLVED,
        )
    },
}

FAILURES = SavableList(
    "failures",
    "Failure inbox",
    path="admin/dlq/lettergroup/",
    api="dlq/groups",
    filters=(
        choice("show", "Shown", tuple(INBOX_VIEWS), page="view", as_api=INBOX_VIEWS),
        search(),
        text("type", "Type"),
        choice("category", "Category", ErrorCategory.values),
        text("release", "Release"),
        text("version", "Version"),
    ),
    shipped=(
        ShippedView(
            "mine", "Mine", "Failures that are open and yours, or nobody's.", {"show": "mine"}
        ),
        ShippedView(
            "regressed",
            "Regressed",
            "Failures that were resolved and came back.",
            {"show": "regressed"},
        ),
    ),
    bare_title="",
    bare="mine",
    has_own_tabs=True,
)
LETTERS = SavableList(
    "dead-letters",
    "Dead letters",
    path="admin/dlq/deadletter/",
    api="dlq/tasks",
    filters=(
        choice("status", "State", LetterStatus.values, page="status__exact"),
        choice("category", "Category", ErrorCategory.values, page="category__exact"),
        text("type", "Type"),
        text("fingerprint", "Failure"),
        text("queue", "Queue"),
        text("node", "Node"),
        text("release", "Release"),
        text("version", "Version"),
        ListFilter("since", "Died after", Moment()),
        ListFilter("until", "Died before", Moment(), page="died_at__lt"),
        search(),
    ),
    shipped=(
        ShippedView("open", "Open", "Dead letters that wait for a decision.", {"status": "OPEN"}),
        ShippedView(
            "dying-now",
            "Dying now",
            "Open dead letters of the last hour.",
            {"status": "OPEN", "since": "1h"},
        ),
    ),
)
REPLAYS = SavableList(
    "replays",
    "Replays",
    path="admin/dlq/replay/",
    api="dlq/replays",
    filters=(choice("status", "State", ReplayState.values, page="state__exact", api=None),),
    shipped=(
        ShippedView("running", "Running", "Replays that submit tasks.", {"status": "RUNNING"}),
        ShippedView(
            "stopped", "Stopped", "Replays that were stopped by failures.", {"status": "STOPPED"}
        ),
    ),
    is_by_workspace=False,
)
register(FAILURES, LETTERS, REPLAYS)
