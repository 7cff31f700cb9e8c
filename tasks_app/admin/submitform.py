"""The form of a new task: a part made of the schema of its type, and the options of every task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from controlplane.core.admin.schemaform import Input, Layout, fill, find_input, plan, read
from controlplane.core.errors import DomainError, Invalid
from controlplane.core.formatting import format_json
from controlplane.core.strictjson import MalformedJsonError, parse_json
from tasks_app.admin.submitoptions import OptionsForm, copy_options
from tasks_app.models import Task
from tasks_app.processors.registry import Processor
from tasks_app.specs import TaskSpec
from tasks_app.states import ParentFailure

_MAX_JSON = 300_000
JSON_FIELD = "payload"
MODE_FIELD = "mode"


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
            depends_on=values["depends_on"],
            on_parent_failure=values["on_parent_failure"] or ParentFailure.CANCEL.value,
            tags=values["tags"],
            idempotency_key=values["idempotency_key"] or None,
            retry=values["retry"],
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


def form_of_task(processor: Processor, task: Task, payload: Any) -> SubmitForm:
    """Filled with the values of a task. `payload` is what the person may see of its payload."""
    layout = plan(processor.payload_schema)
    texts = fill(layout, payload)
    return SubmitForm(
        processor,
        layout,
        OptionsForm(initial=copy_options(task), processor=processor),
        texts=texts or {},
        json_text=format_json(payload),
        is_json=texts is None,
    )
