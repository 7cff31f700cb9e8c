"""The options of every task in the form of a new one, and their values for a copy."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django import forms

from controlplane.core.admin.forms import bounds_of
from controlplane.core.clock import parse_age, parse_time
from controlplane.core.formatting import shorten
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema.values import QUOTED, join_values, split_values
from tasks_app.admin.taskcopy import list_own_options, list_parents
from tasks_app.models import Task
from tasks_app.processors.declarations import declare
from tasks_app.processors.registry import Processor
from tasks_app.processors.retry import MAX_MS, STRATEGIES, InvalidRetryPolicy, RetryPolicy
from tasks_app.schema.fields import MAX_TAG, MAX_TAGS, RetryIn
from tasks_app.schema.submission import MAX_PARENTS, TaskIn
from tasks_app.states import ParentFailure
from tasks_app.typewords import describe_retry

_DEFAULT = RetryPolicy()
_MS = Decimal(1_000)
_MAX_TAGS_TEXT = MAX_TAGS * (2 * MAX_TAG + 4)  # each in quotes, and full of them
_ID_LENGTH = 36
_BETWEEN_IDS = re.compile(r"[\s,]+")
_SPACED_QUOTE = re.compile(rf"(?:(?<=,)|\A)\s*({QUOTED})\s*(?=,|\Z)", re.DOTALL)
# Values of fields that say nothing: what is chosen without them.
_USUAL = (None, "", ParentFailure.CANCEL.value)


def _bounds(name: str) -> dict[str, Any]:
    return bounds_of(TaskIn, name)


def _seconds(label: str, help_text: str) -> forms.DecimalField:
    """Seconds with whole milliseconds."""
    return forms.DecimalField(
        required=False,
        label=f"{label} (seconds)",
        help_text=help_text,
        min_value=0,
        max_value=MAX_MS // 1_000,
        decimal_places=3,
    )


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options that are seldom needed: folded, unless one of them has a value or an error."""

    title: str
    fields: Sequence[forms.BoundField]

    @property
    def is_open(self) -> bool:
        return any(field.errors or field.value() not in _USUAL for field in self.fields)


class OptionsForm(forms.Form):
    """What every task has beside its payload. Empty fields take the type's defaults."""

    name = forms.CharField(required=False, help_text="Default: its type.", **_bounds("name"))
    queue = forms.CharField(required=False, **_bounds("queue"))
    priority = forms.IntegerField(
        required=False, help_text="-100 to 100; higher runs first.", **_bounds("priority")
    )
    start = forms.CharField(
        required=False,
        label="Not before",
        max_length=40,
        help_text="A time with its zone, or a delay such as 10m, 2h.",
    )
    tags = forms.CharField(
        required=False,
        max_length=_MAX_TAGS_TEXT,
        help_text='Separated by commas; one with a comma in double quotes: "red, green".',
    )
    max_attempts = forms.IntegerField(
        required=False, label="Maximum attempts", **_bounds("max_attempts")
    )
    timeout_seconds = forms.FloatField(
        required=False, label="Timeout (seconds)", **_bounds("timeout_seconds")
    )
    idempotency_key = forms.CharField(
        required=False,
        help_text="The same key and values within 24 h give the first task again.",
        **_bounds("idempotency_key"),
    )
    retry_strategy = forms.ChoiceField(
        required=False, choices=[("", "Default"), *((each, each.title()) for each in STRATEGIES)]
    )
    retry_base = _seconds(
        "Base delay", f"The wait after the first failed attempt. Default: {_DEFAULT.base_ms / _MS}."
    )
    retry_factor = forms.FloatField(
        required=False,
        label="Factor",
        help_text="For the exponential strategy: how many times as long each wait is as the one "
        f"before. Default: {_DEFAULT.factor:g}.",
        **bounds_of(RetryIn, "factor"),
    )
    retry_max = _seconds("Maximum delay", f"The longest wait. Default: {_DEFAULT.max_ms / _MS}.")
    retry_jitter = forms.FloatField(
        required=False,
        label="Jitter",
        help_text="0 to 1: by up to what share a wait is shortened at random. "
        f"Default: {_DEFAULT.jitter:g}.",
        **bounds_of(RetryIn, "jitter"),
    )
    depends_on = forms.CharField(
        required=False,
        max_length=MAX_PARENTS * (_ID_LENGTH + 2),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="Ids of the tasks to wait for, separated by commas, spaces or lines.",
    )
    on_parent_failure = forms.ChoiceField(
        required=False,
        label="If a parent fails",
        help_text="A parent that is cancelled counts as failed.",
        choices=ParentFailure.choices,
    )

    # The API's names of fields, where they differ from those here.
    api_names: ClassVar[Mapping[str, str]] = {
        "runAt": "start",
        "delay": "start",
        "maxAttempts": "max_attempts",
        "timeoutSeconds": "timeout_seconds",
        "idempotencyKey": "idempotency_key",
        "dependsOn": "depends_on",
        "onParentFailure": "on_parent_failure",
    }
    folded: ClassVar[Mapping[str, Sequence[str]]] = {
        "Retry policy": (
            "retry_strategy", "retry_base", "retry_factor", "retry_max", "retry_jitter",
        ),
        "Dependencies": ("depends_on", "on_parent_failure"),
    }  # fmt: skip

    def __init__(self, *args: Any, processor: Processor, **options: Any) -> None:
        super().__init__(*args, **options)
        policy = describe_retry(declare(processor))
        self.fields["queue"].help_text = f"Default: {processor.queue}."
        self.fields["max_attempts"].help_text = f"Default: {processor.max_attempts}."
        self.fields["timeout_seconds"].help_text = f"Default: {processor.timeout_seconds:g}."
        self.fields["retry_strategy"].help_text = f"Default: the policy of its type ({policy})."

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        """Those that are always shown."""
        folded = [name for names in self.folded.values() for name in names]
        return [field for field in self if field.name not in folded]

    @property
    def groups(self) -> list[OptionGroup]:
        """The others."""
        return [
            OptionGroup(title, [self[name] for name in names])
            for title, names in self.folded.items()
        ]

    def clean_start(self) -> Any:
        """A delay, a time, or None. Raises ValidationError."""
        text = self.cleaned_data["start"].strip()
        if not text:
            return None
        delay = parse_age(text)
        if delay is not None:
            return delay
        try:
            return parse_time(text)
        except ValueError as error:
            raise forms.ValidationError(f"{error} Or a delay such as 10m.") from error

    def clean_tags(self) -> list[str]:
        """The tags, without the space around them."""
        text = _SPACED_QUOTE.sub(r"\1", self.cleaned_data["tags"])
        return [tag for each in split_values([text]) if (tag := each.strip())]

    def clean_depends_on(self) -> list[UUID]:
        """The ids. Raises ValidationError."""
        texts = [text for text in _BETWEEN_IDS.split(self.cleaned_data["depends_on"]) if text]
        ids = [(text, parse_uuid_or_none(text)) for text in texts]
        if wrong := [text for text, found in ids if found is None]:
            named = shorten(wrong[0], _ID_LENGTH)
            raise forms.ValidationError(f"{named!r} is not the id of a task.")
        return [found for _, found in ids if found is not None]

    def clean(self) -> dict[str, Any]:
        """With `retry`, the task's own policy; None for that of its type."""
        values = self.cleaned_data
        values["retry"] = None if self._has_wrong_policy() else self._read_policy(values)
        return values

    def _has_wrong_policy(self) -> bool:
        return any(name in self.errors for name in self.folded["Retry policy"])

    def _read_policy(self, values: Mapping[str, Any]) -> RetryPolicy | None:
        asked: dict[str, Any] = {
            "base_ms": _in_ms(values["retry_base"]),
            "factor": values["retry_factor"],
            "max_ms": _in_ms(values["retry_max"]),
            "jitter": values["retry_jitter"],
        }
        given = {name: value for name, value in asked.items() if value is not None}
        strategy = values["retry_strategy"]
        if not strategy:
            if given:
                self.add_error("retry_strategy", "Choose one, or leave the fields below it empty.")
            return None
        try:
            return RetryPolicy(strategy=strategy, **given)
        except InvalidRetryPolicy:
            # The fields have checked the rest, each for itself.
            self.add_error("retry_base", "This must not be above the maximum delay.")
            return None


def copy_options(task: Task) -> dict[str, Any]:
    """The initial values of the form for a copy of this task."""
    own = list_own_options(task)
    retry, tags = own.pop("retry", None), own.pop("tags", [])
    initial = {OptionsForm.api_names.get(name, name): value for name, value in own.items()}
    if tags:
        initial["tags"] = join_values(tags)
    if parents := list_parents(task):
        initial["depends_on"] = "\n".join(map(str, parents))
    if retry is not None:
        policy = RetryPolicy.from_json(retry)
        initial |= {
            "retry_strategy": policy.strategy,
            "retry_base": policy.base_ms / _MS,
            "retry_factor": policy.factor,
            "retry_max": policy.max_ms / _MS,
            "retry_jitter": policy.jitter,
        }
    return initial


def _in_ms(seconds: Decimal | None) -> int | None:
    return None if seconds is None else int(seconds * _MS)
