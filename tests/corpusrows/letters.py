"""Dead letters, their groups and replays, full of one text."""

from datetime import timedelta

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.workspaces.actors import SYSTEM
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, GroupNote, LetterGroup, Replay
from dlq.replays import start_replay
from tests.corpus import cut
from tests.corpusrows.fields import make_error, payload_of, write
from tests.factories import make_letter


def hostile_letter(text: str) -> DeadLetter:
    letter = make_letter()
    attempts = [
        {
            "attempt": 1,
            "outcome": text[:30],
            "workerNode": text,
            "error": make_error(text),
            "startedAt": None,
            "finishedAt": text,
        }
    ]
    write(
        letter,
        name=cut(text, 200),
        type=cut(text, 200),
        queue=cut(text, 100),
        tags=[text],
        error=make_error(text),
        attempts=attempts,
        payload=payload_of(text),
        step_key=cut(text, 100),
        workflow_run_id=uuid7(),
    )
    closed = make_letter()
    write(closed, name=cut(text, 200), status="DISCARDED", discard_reason=text, error={},
          resolved_by=cut(text, 200), resolved_at=now())  # fmt: skip
    return letter


def hostile_group(text: str, number: int, letter: DeadLetter) -> LetterGroup:
    write(letter, fingerprint=f"{number:016x}")
    state = "REGRESSED" if number % 2 else "MUTED"
    group = LetterGroup.objects.create(
        id=uuid7(), workspace_id=letter.workspace_id, fingerprint=f"{number:016x}",
        type=cut(text, 200), category="CODE", error_class=cut(text, 200), message=text,
        letters=1, deaths=1, first_seen=now(), last_seen=now(), first_version=cut(text, 40),
        first_release=cut(text, 80) if number % 4 < 2 else "", state=state,
        state_at=now(), state_by=cut(text, 200), state_reason=text,
        muted_until=now() + timedelta(days=1), regressed_versions=[cut(text, 40)],
        regressed_releases=[cut(text, 80)] if number % 4 < 2 else [],
    )  # fmt: skip
    GroupNote.objects.create(group=group, text=text, author=cut(text, 200))
    return group


def hostile_replay(text: str, letter: DeadLetter) -> Replay:
    replay = start_replay(
        workspace_id=letter.workspace_id, letter_filter=LetterFilter(ids=(letter.id,)), actor=SYSTEM
    )
    write(
        replay,
        created_by=cut(text, 200),
        stop_reason=text,
        state="STOPPED",
        finished_at=now(),
        filter={"type": [text], "search": text},
        payload=payload_of(text),
        skips=[{"letterId": str(letter.id), "reason": text}],
        skipped=1,
    )
    return replay
