"""Every rule of a definition, and the error of a broken one."""

import json
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
from django.core.exceptions import ImproperlyConfigured

from tasks_app.processors import registry
from tests.unit.workflows.defining import parse, problems, problems_of, step, whole
from workflows.definitions import load_definition
from workflows.language import Scope
from workflows.models import WorkflowVersion
from workflows.schema.definition import WorkflowDefinition
from workflows.states import OnFailure, StepKind

NAMED = "This must be a string of 1 to 200 characters."
ONE_STEP = "This must be a list of at least one step."
ONE_OF = "Give `seconds` or `until`, one of them."
ZONED = "A time with its zone, such as 2030-01-31T08:00:00Z."
SHORT = "A string of at most 2,000 characters."
NAMELESS = "This must be the name or the id of a workflow."
UNKNOWN = "Unknown field; there are"
WAIT_LONG = "A number of seconds from 0 to 315360000 (10 years)."


def test_a_step_with_every_field() -> None:
    raw = step(
        "b",
        name="Second",
        payload={"x": "{{ item + steps.a.result }}"},
        dependsOn=["a", "a"],
        when="steps.a.status == 'COMPLETED'",
        forEach="input.items",
        priority=-5,
        maxAttempts=7,
        timeoutSeconds=1.5,
        onFailure="skip-dependents",
        queue="slow",
        tags=["x", "x", "y"],
        retry={"strategy": "fixed", "baseMs": 10},
    )
    definition = parse(raw, step("a"))
    assert [one.key for one in definition.steps] == ["a", "b"]
    found = definition.by_key["b"]
    assert (found.name, found.kind, found.type) == ("Second", StepKind.TASK, "test-echo")
    assert (found.depends_on, found.priority, found.max_attempts) == (("a",), -5, 7)
    assert (found.timeout_seconds, found.queue, found.tags) == (1.5, "slow", ("x", "y"))
    assert found.on_failure is OnFailure.SKIP_DEPENDENTS
    assert found.retry is not None
    assert found.retry.base_ms == 10
    scope = Scope(
        input={"items": [1, 2]},
        steps={"a": {"status": "COMPLETED", "result": 5, "error": None}},
        item=2,
        index=1,
    )
    assert found.when is not None
    assert found.when.evaluate(scope) is True
    assert found.for_each is not None
    assert not isinstance(found.for_each, list)
    assert found.for_each.evaluate(scope) == [1, 2]
    assert found.template.render(scope) == {"x": 7}
    assert found.raw == raw
    assert definition.dependents == {"a": ("b",), "b": ()}


def test_defaults() -> None:
    found = parse(step()).by_key["a"]
    assert (found.name, found.queue, found.priority, found.tags) == ("a", None, 0, ())
    assert (found.max_attempts, found.timeout_seconds, found.retry) == (None, None, None)
    assert (found.when, found.for_each, found.on_failure) == (None, None, OnFailure.FAIL)
    assert found.template.render(Scope()) == {}


def test_null_is_as_good_as_left_out() -> None:
    nulls = dict.fromkeys(("payload", "dependsOn", "when", "forEach", "priority", "retry", "tags"))
    assert parse(step(**nulls), description=None, inputSchema=None).input_schema is None


def test_other_kinds() -> None:
    definition = parse(
        {"key": "w", "type": "wait", "payload": {"seconds": "{{ input.n }}"}},
        {"key": "u", "type": "wait", "payload": {"until": "2030-01-31T08:00:00Z"}},
        {"key": "p", "type": "approval"},
        {"key": "q", "type": "approval", "payload": {"message": "ok?", "timeoutSeconds": 60}},
        {"key": "f", "type": "workflow", "payload": {"workflow": "other", "input": {"a": 1}}},
        {"key": "g", "type": "workflow", "payload": {"workflow": "x", "input": "{{ input }}"}},
    )
    kinds = [one.kind for one in definition.steps]
    assert kinds == ["wait", "wait", "approval", "approval", "workflow", "workflow"]


def test_a_stored_version_gives_the_same_definition() -> None:
    schema = {"type": "object"}
    first = parse(step("b", dependsOn=["a"]), step("a"), inputSchema=schema)
    workflow = uuid4()
    version = WorkflowVersion(
        workflow_id=workflow, version=2, definition=json.loads(json.dumps(first.raw))
    )
    loaded = load_definition(version)
    assert loaded.raw == first.raw
    assert [one.raw for one in loaded.steps] == [one.raw for one in first.steps]
    assert (loaded.dependents, loaded.input_schema) == (first.dependents, schema)
    again = WorkflowVersion(workflow_id=workflow, version=2)
    assert load_definition(again) is loaded
    other = WorkflowVersion(workflow_id=uuid4(), version=2, definition=first.raw)
    assert load_definition(other) is not loaded


def test_a_stored_version_may_name_a_task_type_that_has_gone() -> None:
    raw = {"tasks": [{"key": "a", "type": "gone"}], "inputSchema": None}
    loaded = load_definition(WorkflowVersion(workflow_id=uuid4(), version=1, definition=raw))
    assert loaded.by_key["a"].type == "gone"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tasks": [step()]}, [("name", NAMED)]),
        ({"name": "x" * 201, "tasks": []}, [("name", NAMED), ("tasks", ONE_STEP)]),
        ({"name": "x", "tasks": {}}, [("tasks", ONE_STEP)]),
        (whole(nmae=1), [("nmae", "Unknown field.")]),
        (whole(description=5), [("description", "A string of at most 10,000 characters.")]),
        (whole(tasks=[1]), [("tasks[0]", "This must be an object.")]),
        (
            whole(tasks=[step()] * 10_001),
            [("tasks", "At most 10,000 steps; these are 10,001.")],
        ),
        (
            whole(inputSchema={"minimum": "x"}),
            [("inputSchema.minimum", '"x" is not of type "number".')],
        ),
        (
            whole(tasks=[step(payload={"a": "\0"})]),
            [("tasks[0].payload.a", "The character U+0000 cannot be stored.")],
        ),
    ],
)
def test_bodies_that_are_refused(body: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(body) == expected


RANGES = [
    ("key", 5, "1 to 100 letters, digits and underscores"),
    ("key", "1a", "1 to 100 letters, digits and underscores"),
    ("key", "a-b", "not beginning with a digit: the key is used as steps.<key>."),
    ("key", "a" * 101, "1 to 100 letters, digits and underscores"),
    ("key", "a\n", "1 to 100 letters, digits and underscores"),
    ("type", None, "The name of a task type, or wait, approval, workflow."),
    ("type", "noopp", "There is no task type 'noopp'. Did you mean 'noop'?"),
    ("type", "aproval", "There is no task type 'aproval'. Did you mean 'approval'?"),
    ("type", "task", "There is no task type 'task'."),
    ("name", "", "1 to 200 characters, without NUL and lone surrogates."),
    ("name", 5, "1 to 200 characters, without NUL and lone surrogates."),
    ("priority", 101, "A whole number from -100 to 100."),
    ("priority", 1.5, "A whole number from -100 to 100."),
    ("priority", True, "A whole number from -100 to 100."),
    ("maxAttempts", 0, "A whole number from 1 to 1000."),
    ("timeoutSeconds", 0, "A number from 0.001 to 604800."),
    ("timeoutSeconds", "5", "A number from 0.001 to 604800."),
    ("onFailure", "ignore", "One of fail, continue, skip-dependents."),
    ("onFailure", [], "One of fail, continue, skip-dependents."),
    ("queue", "-", "1 to 100 letters, digits, '.', '_', ':' and '-'"),
    ("queue", 5, "This must be a string."),
    ("tags", "x", "This must be a list of strings."),
    ("tags", [1], "At most 50 tags of 1 to 100 characters"),
    ("tags", ["x"] * 51, "At most 50 tags of 1 to 100 characters, without NUL"),
    ("retry", 5, "This must be an object."),
    ("dependsOn", "a", "This must be a list of keys of steps."),
    ("dependsOn", [1], "This must be a list of keys of steps."),
    ("dependsOn", ["x"] * 10_001, "At most 10,000 steps."),
    ("payload", [], "This must be an object."),
    ("payload", {"a": "x" * 300_000}, "payload has 300008 bytes as JSON; the limit is 262144."),
    ("when", True, "This must be an expression, as a string."),
    ("forEach", {"a": 1}, "This must be an expression, as a string."),
    ("forEach", [1] * 10_001, "At most 10,000 items."),
    ("forEach", ["{{ 1 }}"], "The items of a list are taken as they are"),
    ("forEach", ["{{ "], "The items of a list are taken as they are"),
]


@pytest.mark.parametrize(("field", "value", "message"), RANGES)
def test_values_of_fields(field: str, value: Any, message: str) -> None:
    ((where, sentence),) = problems_of({**step(), field: value})
    assert where == f"tasks[0].{field}"
    assert message in sentence
    assert sentence.startswith("Step ")


def test_the_json_schema_has_an_object_for_each_kind_of_step() -> None:
    validator = jsonschema_rs.validator_for(WorkflowDefinition.model_json_schema())
    for right in (
        {"name": "Has no key", "type": "noop"},
        {"key": "a", "type": "wait", "payload": {"seconds": "{{ input.n }}"}},
        step(forEach=[1], retry={"strategy": "fixed"}, tags=["x"]),
    ):
        validator.validate(whole(tasks=[right]))
    for wrong in (
        {"key": "a", "type": "wait", "payload": {}},
        {"key": "a", "type": "wait", "payload": {"seconds": 1, "until": "x"}},
        {"key": "a", "type": "approval", "queue": "x"},
        {"key": "a", "type": "workflow", "payload": {}},
        step(priority=101),
        step(foreach="input.items"),
        {"key": "a"},
    ):
        assert not validator.is_valid(whole(tasks=[wrong])), wrong


@pytest.mark.parametrize(
    ("more", "field", "message"),
    [
        ({"foreach": "x"}, "foreach", "Unknown field. Did you mean 'forEach'?"),
        ({"retry": {"strategy": "x"}}, "retry.strategy", "One of exponential, linear, fixed."),
        ({"retry": {"base": 1}}, "retry.base", "Unknown field; there are strategy, baseMs"),
        ({"when": "input.n >"}, "when", "column 10: The expression ends too early."),
        ({"forEach": "{{ nosuch }}"}, "forEach", "column 4: There is no variable 'nosuch'"),
        ({"payload": {"a": ["x {{ 1 + }}"]}}, "payload.a[0]", "column 10: The expression ends"),
        ({"payload": {"a": "{{ x"}}, "payload.a", "column 1: This {{ has no }} after it."),
        ({"when": "item > 1"}, "when", "column 1: `item` is known only in the payload"),
        ({"forEach": "[1].map(x, index)"}, "forEach", "column 12: `index` is known only"),
        ({"when": "input.n + 1"}, "when", "It gives int; it must give true or false."),
        ({"when": "'a'"}, "when", "It gives string; it must give true or false."),
        ({"forEach": "size(input.l)"}, "forEach", "It gives int; it must give a list."),
        ({"forEach": "{'a': 1}"}, "forEach", "It gives map; it must give a list."),
        ({"forEach": "input.l", "when": "item"}, "when", "column 1: `item` is known only"),
        ({"payload": {"a": "{{ item }}"}}, "payload.a", "column 4: `item` is known only"),
        ({"when": "steps.a.result"}, "when", "column 1: It reads steps.a without depending on it."),
        ({"when": "1 == steps.x.result"}, "when", "column 6: It reads steps.x, and there is no"),
        ({"type": "sleep", "payload": {"ms": "x"}}, "payload.ms", "valid number"),
        ({"type": "sleep", "payload": {}}, "payload.ms", "Field required"),
    ],
)
def test_problems_name_the_step_and_the_column(
    more: dict[str, Any], field: str, message: str
) -> None:
    ((where, sentence),) = problems_of({**step(), **more})
    assert where == f"tasks[0].{field}"
    assert sentence.startswith("Step 'a'")
    assert message in sentence


def test_payloads_with_templates_are_checked_when_they_are_made() -> None:
    assert parse({"key": "a", "type": "sleep", "payload": {"ms": "{{ input.ms }}"}})


@pytest.mark.parametrize(
    ("kind", "payload", "field", "message"),
    [
        ("wait", {}, "payload", ONE_OF),
        ("wait", {"seconds": 1, "until": "x"}, "payload", ONE_OF),
        ("wait", {"seconds": -1}, "payload.seconds", WAIT_LONG),
        ("wait", {"seconds": 315_360_001}, "payload.seconds", WAIT_LONG),
        ("wait", {"seconds": "5"}, "payload.seconds", WAIT_LONG),
        ("wait", {"seconds": True}, "payload.seconds", WAIT_LONG),
        ("wait", {"until": "tomorrow"}, "payload.until", ZONED),
        ("wait", {"until": "2030-01-31T08:00:00"}, "payload.until", ZONED),
        ("wait", {"until": "2090-01-31T08:00:00Z"}, "payload.until", "At most 10 years from now."),
        ("wait", {"seconds": 1, "x": 1}, "payload.x", f"{UNKNOWN} seconds and until."),
        ("approval", {"message": 5}, "payload.message", SHORT),
        ("approval", {"message": "x" * 2_001}, "payload.message", SHORT),
        ("approval", {"timeoutSeconds": -1}, "payload.timeoutSeconds", WAIT_LONG),
        ("approval", {"x": 1}, "payload.x", f"{UNKNOWN} message and timeoutSeconds."),
        ("workflow", {}, "payload.workflow", NAMELESS),
        ("workflow", {"workflow": " "}, "payload.workflow", NAMELESS),
        ("workflow", {"workflow": "x", "input": []}, "payload.input", "This must be an object."),
        ("workflow", {"workflow": "x", "in": {}}, "payload.in", f"{UNKNOWN} workflow and input."),
    ],
)  # fmt: skip
def test_payloads_of_other_kinds(kind: str, payload: Any, field: str, message: str) -> None:
    found = problems_of({"key": "a", "type": kind, "payload": payload})
    assert found == [(f"tasks[0].{field}", f"Step 'a': {message}")]


@pytest.mark.parametrize(
    "more",
    [
        {"forEach": [1]},
        {"priority": 1},
        {"maxAttempts": 1},
        {"timeoutSeconds": 1},
        {"queue": "x"},
        {"tags": ["x"]},
        {"retry": {}},
    ],
)
def test_fields_that_only_tasks_have(more: dict[str, Any]) -> None:
    found = problems_of({"key": "a", "type": "approval", **more})
    message = "Step 'a': Only for steps that are tasks, not for 'approval'."
    assert found == [(f"tasks[0].{next(iter(more))}", message)]


@pytest.mark.parametrize("name", list(StepKind.values))
def test_kinds_are_no_task_types(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="it is a kind of workflow step"):
        registry.processor(name)(lambda ctx, payload: None)
    assert set(registry.RESERVED) == set(StepKind.values)


def test_dependencies() -> None:
    assert problems_of(
        step("a", dependsOn=["b", "zz"]),
        step("b", dependsOn=["c"]),
        step("c", dependsOn=["a"]),
        step("d", dependsOn=["d"]),
        step("a"),
    ) == [
        ("tasks[4].key", "Step 'a': Another step has the key 'a' already."),
        ("tasks[0].dependsOn[1]", "Step 'a': There is no step 'zz'."),
        ("tasks[3].dependsOn", "Step 'd': A step cannot depend on itself."),
        ("tasks[0].dependsOn", "Step 'a': These steps wait for each other: a → b → c → a."),
    ]


def test_steps_may_read_all_that_is_above_them() -> None:
    chain = [step("a"), step("b", dependsOn=["a"]), step("c", dependsOn=["b"])]
    assert parse(*chain, step("d", dependsOn=["c"], when="steps.a.result == steps.b.result"))
    found = problems_of(
        *chain,
        step("d", dependsOn=["b"], payload={"x": ["-{{ steps.a.result }}{{ steps.c.result }}"]}),
    )
    message = "Step 'd', column 25: It reads steps.c without depending on it."
    assert found == [("tasks[3].payload.x[0]", message)]
