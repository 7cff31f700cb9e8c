"""Dead letters in requests and responses."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from annotated_types import Len
from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.requests import current_reason
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Flag, JsonObject, OneOf, Text
from controlplane.core.schema.filters import read_body
from controlplane.workspaces.bulk.schema import ACCEPT_DRIFT, TOKEN, PreviewToken
from controlplane.workspaces.bulk.selection import Selection
from dlq.bulk import ACTIONS
from dlq.discard import MAX_REASON
from dlq.filters import MAX_IDS, LetterFilter
from dlq.queries import DAYS_SHOWN, MAX_GROUPS, get_chain
from dlq.replays import (
    DEFAULT_FAILURE_SHARE,
    DEFAULT_STAGES,
    MAX_STAGES,
    Rate,
    Share,
    Stage,
)
from dlq.states import LetterStatus
from tasks_app.schema.fields import Attempts, Error, IdempotencyKey, optional
from tasks_app.states import AttemptOutcome, ErrorCategory

_ONLY_REPROCESS = {
    "payload": "payload",
    "max_attempts": "maxAttempts",
    "rate_per_second": "ratePerSecond",
    "canary": "canary",
}
_PAYLOAD = "Replaces each letter's own payload; it must fit the schema of the type."


class _Changes(Request):
    """Values of the new task."""

    payload: JsonObject = optional(_PAYLOAD)
    max_attempts: Attempts = optional("Maximum attempts of each new task.")

    @property
    def changes(self) -> dict[str, Any]:
        """The arguments of the services."""
        return {"payload": self.payload, "max_attempts": self.max_attempts}


class Reprocess(_Changes):
    """Values of the new task; an empty body takes over everything."""

    example: ClassVar[Mapping[str, Any]] = {"maxAttempts": 3}

    idempotency_key: IdempotencyKey = optional()


class Discard(Request):
    """Why the work is no longer needed."""

    example: ClassVar[Mapping[str, Any]] = {"reason": "The order was cancelled by hand."}

    reason: Annotated[str, Text(MAX_REASON)]


class Canary(Request):
    """Small stages first; a stage that fails too often stops the replay."""

    stages: Annotated[list[Stage], Len(1, MAX_STAGES)] = list(DEFAULT_STAGES)
    max_failure_share: Share = Field(
        DEFAULT_FAILURE_SHARE, description="Failures of a stage above which the replay stops."
    )


NO_CANARY = Canary.model_construct(stages=[], max_failure_share=DEFAULT_FAILURE_SHARE)


class _OrBoolean:
    """true is the default canary, false none."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"oneOf": [{"type": "boolean"}, handler(schema)]}

    def _read(self, value: Any) -> Any:
        if isinstance(value, bool):
            return {} if value else NO_CANARY
        return value


class LetterAction(_Changes):
    """An action on open letters, selected by `ids` or by a `filter` with the parameters of the
    list. A filter without a condition needs `"all": true`.

    A reprocess with `ratePerSecond` or `canary` becomes a replay, which the dispatcher runs.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "action": "reprocess",
        "filter": {"category": ["NETWORK"]},
        "dryRun": True,
    }

    action: Annotated[str, OneOf(ACTIONS)]
    ids: Annotated[list[Annotated[UUID, Field(strict=False)]], Len(1, MAX_IDS)] = optional()
    filter: JsonObject = optional('Like `{"category": ["NETWORK"], "type": "http-request"}`.')
    all: Flag = False
    dry_run: Flag = Field(False, description="Count the letters only.")
    payload: JsonObject = optional(f"For reprocess. {_PAYLOAD}")
    max_attempts: Attempts = optional("For reprocess.")
    reason: Annotated[str, Text(MAX_REASON)] = optional(
        "Kept in the audit log, as that of the header X-Reason; discard needs it."
    )
    rate_per_second: Rate = optional("For reprocess. Maximum tasks that it submits per second.")
    canary: Annotated[Canary, _OrBoolean()] = optional(
        "For reprocess. true is `{stages: [5, 50], maxFailureShare: 0.2}`."
    )
    idempotency_key: IdempotencyKey = optional("For a replay.")
    token: PreviewToken = TOKEN
    accept_drift: Flag = ACCEPT_DRIFT

    @property
    def selection(self) -> Selection:
        """The letters, for a preview."""
        if self.ids is not None:
            return Selection(ids=tuple(dict.fromkeys(map(str, self.ids))))
        return Selection(filter={**(self.filter or {}), **({"all": True} if self.all else {})})

    @property
    def options(self) -> Mapping[str, Any]:
        """With what the letters are reprocessed."""
        changes = self.model_dump(include={"payload", "max_attempts"}, exclude_none=True)
        return changes if self.action == "reprocess" else {}

    @property
    def letter_filter(self) -> LetterFilter:
        """The selected letters. Raises Invalid."""
        if self.ids is not None:
            return LetterFilter(ids=tuple(dict.fromkeys(self.ids)))
        letter_filter = read_body(LetterFilter, self.filter or {})
        return replace(letter_filter, everything=True) if self.all else letter_filter

    @property
    def is_replay(self) -> bool:
        """Whether the dispatcher does it."""
        return self.rate_per_second is not None or bool(self.canary and self.canary.stages)

    def cross_check(self) -> Iterable[FieldError]:
        """Fields that belong to the action, and one way to select letters."""
        yield from self._check_fields()
        if (self.ids is None) == (self.filter is None and not self.all):
            yield {"field": "ids", "message": "Give ids or a filter, one of the two."}
            return
        try:
            is_empty = self.letter_filter.is_empty
        except Invalid as error:
            yield from error.errors
            return
        if is_empty:
            message = 'This selects every open letter: confirm it with "all": true.'
            yield {"field": "filter", "message": message}

    def _check_fields(self) -> Iterable[FieldError]:
        if self.action != "discard":
            return
        if self.reason is None and not current_reason():
            yield {
                "field": "reason",
                "message": "Give the reason why the work is no longer needed.",
            }
        for name in _ONLY_REPROCESS.keys() & self.model_fields_set:
            yield {"field": _ONLY_REPROCESS[name], "message": "Only reprocess takes it."}


class Letter(Resource):
    """A dead letter."""

    id: UUID
    task_id: UUID = shown("The failed task; retention may have removed it.")
    name: str
    type: str
    queue: str
    priority: int
    tags: list[str]
    category: ErrorCategory
    fingerprint: str = shown(
        "Identifies equal failures: class, normalised message, top frame of the own code."
    )
    error: Error = shown("The last failure.", guard="error")
    attempts: int = shown(source="attempts_total")
    payload: dict[str, Any] = shown("The payload when the task failed.", guard="payload")
    died_at: datetime
    status: LetterStatus
    reprocessed_task_id: UUID | None = shown("The task that does the work again.")
    reprocess_of: UUID | None = shown("The task whose work the failed task did again.")
    workflow_run_id: UUID | None
    step_key: str | None
    discard_reason: str | None = shown(compute=lambda letter: letter.discard_reason or None)
    resolved_by: str | None = shown(compute=lambda letter: letter.resolved_by or None)
    resolved_at: datetime | None


class LetterAttempt(Resource):
    """One attempt of the failed task, as stored in the letter."""

    attempt: int
    worker_node: str | None
    started_at: datetime | None
    finished_at: datetime | None
    outcome: AttemptOutcome
    error: Error | None


class ChainLink(Resource):
    """Another letter of the same work."""

    id: UUID
    task_id: UUID
    category: ErrorCategory
    fingerprint: str
    died_at: datetime
    status: LetterStatus
    reprocessed_task_id: UUID | None


class Chain(Resource):
    """The letters of the same work before and after this one."""

    previous: list[ChainLink] = shown(
        "The letter whose reprocessing created the failed task; at most one.",
        compute=lambda chain: [chain.previous] if chain.previous else [],
    )
    next: list[ChainLink] = shown("Letters of the task that does the work again, oldest first.")


class LetterDetail(Letter):
    """A letter with all its stored attempts, and the letters of the same work."""

    attempts: list[LetterAttempt] = shown(guard="error")  # type: ignore[assignment] # the list says how many
    attempts_total: int = shown("If there are very many attempts, the middle is left out.")
    chain: Chain = shown(compute=get_chain)


class GroupError(Resource):
    """The failure of the newest letter of a group."""

    class_: str | None = shown(alias="class", source="error_class")
    message: str | None = shown(guard="error")


class Group(Resource):
    """Open letters of the same failure."""

    fingerprint: str
    category: ErrorCategory
    error: GroupError = shown(compute=itself)
    types: list[str] = shown("The first twenty.")
    count: int
    first_seen_at: datetime = shown(source="first_seen")
    last_seen_at: datetime = shown(source="last_seen")
    letter_id: UUID = shown("The newest letter.")


class LetterStats(Resource):
    """Statistics of the workspace's dead letters."""

    open: int
    total: int
    by_status: dict[str, int]
    by_category: dict[str, int] = shown("Open letters.")
    by_type: dict[str, int] = shown("Open letters.")
    by_day: dict[str, int] = shown(
        f"Deaths of the last {DAYS_SHOWN} days (UTC), whatever the letters' status."
    )
    oldest_open_at: datetime | None = shown(source="oldest_open")
    groups: list[Group] = shown(f"The {MAX_GROUPS} largest groups of open letters.")
    is_estimate: bool = shown("Too many of the latest changes are not counted yet.")


class Refusal(Resource):
    """Why a letter was not changed."""

    reason: str
    letter_id: UUID


class LetterActionResult(Resource):
    """How many letters matched, and how many changed."""

    matched: int = shown("Open letters that were selected.")
    changed: int = shown("0 in a dry run.")
    has_more: bool = shown("The call's limit was reached: repeat it for the rest.")
    dry_run: bool
    refusals: list[Refusal] = shown(
        "The first reasons why letters were not changed, with one letter for each.",
        compute=lambda result: [
            {"reason": reason, "letter_id": letter} for reason, letter in result.refusals.items()
        ],
    )
