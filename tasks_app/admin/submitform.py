"""The form of a new task: a part made of the schema of its type, and the options of every task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.conf import settings

from controlplane.core.admin.forms import bounds_of
from controlplane.core.admin.schemaform import Input, Layout, fill, find_input, plan, read
from controlplane.core.clock import parse_age, parse_time
from controlplane.core.errors import DomainError, Invalid
from controlplane.core.formatting import format_json
from controlplane.core.strictjson import MalformedJsonError, parse_json
from tasks_app.processors.registry import Processor
from tasks_app.schema.submission import TaskIn
from tasks_app.specs import TaskSpec

_MAX_JSON = 300_000
JSON_FIELD = "payload"
MODE_FIELD = "mode"


def _bounds(name: str) -> dict[str, Any]:
    return bounds_of(TaskIn, name)


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
    tags = forms.CharField(required=False, max_length=5_500, help_text="Separated by commas.")
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

    # The API's names of fields, where they differ from those in snake case.
    api_names: ClassVar[Mapping[str, str]] = {
        "runAt": "start",
        "delay": "start",
        "maxAttempts": "max_attempts",
        "timeoutSeconds": "timeout_seconds",
        "idempotencyKey": "idempotency_key",
    }

    def __init__(self, *args: Any, processor: Processor, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["queue"].help_text = f"Default: {processor.queue}."
        self.fields["max_attempts"].help_text = f"Default: {processor.max_attempts}."
        self.fields["timeout_seconds"].help_text = f"Default: {processor.timeout_seconds:g}."

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


@dataclass(slots=True)
class SubmitForm:
    """The form for tasks of one type. `texts` are those of the inputs, `json_text` that of the
    whole payload; `is_json` says which of the two counts."""

    processor: Processor
    layout: Layout
    options: OptionsForm
    texts: Mapping[str, str] = field(default_factory=dict)
    json_text: str = "{}"
    is_json: bool = False
    errors: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def may_switch(self) -> bool:
        """Whether the type has inputs at all."""
        return bool(self.layout.parts)

    def read_spec(self, reprocess_of: UUID | None = None) -> TaskSpec | None:
        """The task; None when something is wrong, which `errors` then say."""
        payload = self._read_payload()
        if not self.options.is_valid() or payload is None:
            return None
        values = self.options.cleaned_data
        start = values["start"]
        is_delay = isinstance(start, timedelta)
        return TaskSpec(
            type=self.processor.name,
            payload=payload,
            name=values["name"] or None,
            queue=values["queue"] or None,
            priority=values["priority"] or 0,
            delay_ms=start // timedelta(milliseconds=1) if is_delay else None,
            run_at=None if is_delay else start,
            max_attempts=values["max_attempts"],
            timeout_seconds=values["timeout_seconds"],
            tags=[tag for each in values["tags"].split(",") if (tag := each.strip())],
            idempotency_key=values["idempotency_key"] or None,
            reprocess_of=reprocess_of,
        )

    def refuse(self, error: DomainError) -> None:
        """Put the errors of a service beside the fields that they are about."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            self._add(each["field"], each["message"])

    def _add(self, path: str, message: str) -> None:
        top, _, inside = path.partition(".")
        name = OptionsForm.api_names.get(top.partition("[")[0], top.partition("[")[0])
        if name in self.options.fields:
            self.options.add_error(name, message)
        elif top.startswith("payload") and not self.is_json and (found := self._find(inside)):
            exact = found.label == inside
            self._note(found.name, message if exact else f"{inside}: {message}")
        elif top.startswith("payload"):
            self._note(JSON_FIELD, f"{path}: {message}" if inside else message)
        else:
            self.problems.append(f"{path}: {message}" if path else message)

    def _find(self, path: str) -> Input | None:
        return find_input(self.layout, path) if path else None

    def _note(self, name: str, message: str) -> None:
        self.errors.setdefault(name, []).append(message)

    def _read_payload(self) -> dict[str, Any] | None:
        if not self.is_json:
            found = read(self.layout, self.texts)
            for name, message in found.errors.items():
                self._note(name, message)
            return None if found.errors else found.value
        if len(self.json_text) > _MAX_JSON:
            self._note(JSON_FIELD, f"Enter at most {_MAX_JSON:,} characters.")
            return None
        depth = settings.TASKPLANE["JSON_MAX_DEPTH"]
        try:
            value = parse_json((self.json_text.strip() or "{}").encode(), max_depth=depth)
        except (MalformedJsonError, Invalid, UnicodeEncodeError) as error:
            self._note(JSON_FIELD, str(error).replace("The body", "This", 1))
            return None
        if not isinstance(value, dict):
            self._note(JSON_FIELD, "Enter a JSON object, such as {}.")
            return None
        return value


def empty_form(processor: Processor) -> SubmitForm:
    layout = plan(processor.payload_schema)
    return SubmitForm(processor, layout, OptionsForm(processor=processor), is_json=not layout.parts)


def form_of_post(processor: Processor, data: Mapping[str, str]) -> SubmitForm:
    layout = plan(processor.payload_schema)
    is_json = data.get(MODE_FIELD) == "json" or not layout.parts
    return SubmitForm(
        processor,
        layout,
        OptionsForm(data, processor=processor),
        texts=data,
        json_text=data.get(JSON_FIELD, "{}"),
        is_json=is_json,
    )


def form_of_task(processor: Processor, task: Mapping[str, Any]) -> SubmitForm:
    """Filled with the values of a represented task."""
    layout = plan(processor.payload_schema)
    content = task["payload"]
    texts = fill(layout, content)
    initial = {
        "name": task["name"] if task["name"] != task["type"] else "",
        "queue": task["queue"] if task["queue"] != processor.queue else "",
        "priority": task["priority"] or None,
        "tags": ", ".join(task["tags"]),
        "max_attempts": task["roundAttempts"]
        if task["roundAttempts"] != processor.max_attempts
        else None,
        "timeout_seconds": task["timeoutSeconds"]
        if task["timeoutSeconds"] != processor.timeout_seconds
        else None,
    }
    return SubmitForm(
        processor,
        layout,
        OptionsForm(initial=initial, processor=processor),
        texts=texts or {},
        json_text=format_json(content),
        is_json=texts is None,
    )
