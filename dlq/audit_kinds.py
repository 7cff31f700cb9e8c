"""Dead letters, their groups and replays in the audit log."""

from controlplane.workspaces.audit.kinds import Kind, common_verbs, describe_end, register
from dlq.models import DeadLetter, LetterGroup, Replay

register(
    Kind(
        target="dead-letter",
        noun="dead letter",
        plural="dead letters",
        icon="inbox",
        page="dlq_deadletter",
        rows=DeadLetter.objects.all,
        label="name",
        verbs=common_verbs("dlq.", "reprocess", "discard"),
    ),
    Kind(
        target="failure-group",
        noun="failure group",
        plural="failure groups",
        icon="inbox",
        page="dlq_lettergroup",
        rows=LetterGroup.objects.all,
        label="type",
        verbs={
            "dlq.group_acknowledge": "acknowledged",
            "dlq.group_mute": "muted",
            "dlq.group_resolve": "resolved",
            "dlq.group_reopen": "reopened",
            "dlq.group_undo": "undid a decision about",
            "dlq.group_assign": "changed the owner of",
            "dlq.group_ticket": "changed the ticket of",
            "dlq.group_note": "added a note to",
            "dlq.group_regress": "reopened after a new death",
            "dlq.group_unmute": "ended the mute of",
        },
    ),
    Kind(
        target="replay",
        noun="replay",
        plural="replays",
        icon="redo",
        page="dlq_replay",
        rows=Replay.objects.all,
        verbs={
            "dlq.replay": "started",
            **common_verbs("dlq.replay_", "pause", "resume", "cancel"),
            "dlq.replay_end": describe_end,
        },
    ),
)
