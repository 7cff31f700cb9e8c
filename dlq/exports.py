"""Dead letters, their groups and replays as files."""

from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows
from dlq import queries
from dlq.filters import GroupFilter, LetterFilter
from dlq.groupschema import LetterGroup
from dlq.queries.groups import describe_groups, list_letter_groups, name_owners
from dlq.replayschema import Replay
from dlq.schema import Letter


def _list_groups(selected: Selected) -> Rows:
    wanted = name_owners(selected.wanted, selected.actor)
    return list_letter_groups(selected.workspace_id, wanted)


LETTERS = ExportedList(
    name="dead-letters",
    noun="dead letter",
    path="dlq/tasks/export",
    tag="dead letters",
    resource="dlq",
    schema=Letter,
    filter=LetterFilter,
    rows=lambda selected: queries.list_letters(selected.workspace_id, selected.wanted),
    # They are counted; their tracebacks are many times as long as all the rest.
    prepare=lambda rows: rows.defer("attempts"),
    sized=("payload", "error"),
)
GROUPS = ExportedList(
    name="dead-letter-groups",
    noun="group of dead letters",
    plural="groups of dead letters",
    path="dlq/groups/export",
    tag="dead letters",
    resource="dlq",
    schema=LetterGroup,
    filter=GroupFilter,
    rows=_list_groups,
    prepare=lambda rows: rows.select_related("owner"),
    describe=describe_groups,
)
REPLAYS = ExportedList(
    name="replays",
    noun="replay",
    path="dlq/replays/export",
    tag="dead letters",
    resource="dlq",
    schema=Replay,
    rows=lambda selected: queries.list_replays(selected.workspace_id),
)

register(LETTERS, GROUPS, REPLAYS)
