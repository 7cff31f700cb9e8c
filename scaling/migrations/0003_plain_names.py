"""The words of scaling events, and of the configuration, in plain English; with all rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import migrations, models

_CHUNK = 500
STATES = {
    "HELD": "UNCHANGED",
    "REACHED": "SUCCEEDED",
    "MISSED": "TIMED_OUT",
    "ADVISED": "RECOMMENDED",
}
RULES = {"floor": "minimum", "hold": "no-change"}
OVERRIDES = {
    "cooldown": "cooldown_seconds",
    "down_cooldown": "down_cooldown_seconds",
    "objective": "objective_seconds",
    "stabilisation": "stabilisation_seconds",
}
SETTINGS = {
    "raise_cooldown": "cooldown_seconds",
    "lower_cooldown": "down_cooldown_seconds",
    "objective": "objective_seconds",
    "safety": "minimum_wait_share",
    "calm_share": "scale_in_wait_share",
    "calm_headroom": "scale_in_headroom",
    "short_hold": "stabilisation_seconds",
    "assumed": "assumed_run_time",
}
MEMORY = {"wishes": "recommendations"}
OUTCOME = {"wish": "recommended", "wanted": "desired", "limiter": "constraint"}


def rename(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """With these keys instead."""
    return {names.get(key, key): each for key, each in value.items()}


def upgrade_decision(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a decision, so that it can be replayed. What is not there stays away: records
    of failed decisions hold little."""
    new = dict(record)
    if "settings" in new:
        settings = rename(new["settings"], SETTINGS)
        # `objective` derives its longer window from the stabilisation, as it was derived before.
        settings.pop("hold", None)
        new["settings"] = settings
    if "before" in new:
        new["before"] = rename(new["before"], MEMORY)
    if "outcome" in new:
        outcome = rename(new["outcome"], OUTCOME)
        if "rule" in outcome:
            outcome["rule"] = RULES.get(outcome["rule"], outcome["rule"])
        if "memory" in outcome:
            outcome["memory"] = rename(outcome["memory"], MEMORY)
        new["outcome"] = outcome
    forecast = (new.get("demand") or {}).get("forecast")
    if forecast and "errors" in forecast:
        error = dict(forecast["errors"]).get(forecast["model"], 1.0)
        new["demand"] = {
            **new["demand"],
            "forecast": {
                "start": forecast["start"],
                "per_minute": forecast["per_minute"],
                "error": error,
                "trusted": forecast["trusted"],
            },
        }
    return new


def upgrade_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A decision, or what a strategy decided beside a manual override."""
    if "instead" in inputs:
        return {**inputs, "instead": upgrade_decision(inputs["instead"])}
    return upgrade_decision(inputs)


def _chunks(events: Any) -> Iterator[list[Any]]:
    last = None
    while True:
        rest = events if last is None else events.filter(id__gt=last)
        chunk = list(rest.order_by("id").only("id", "inputs")[:_CHUNK])
        if not chunk:
            return
        last = chunk[-1].id
        yield chunk


def upgrade_rows(apps: Any, schema_editor: Any) -> None:
    """Events, and what the pool remembers and overrides."""
    events = apps.get_model("scaling", "ScalingEvent").objects.using(schema_editor.connection.alias)
    for old, new in STATES.items():
        events.filter(state=old).update(state=new)
    for old, new in RULES.items():
        events.filter(rule=old).update(rule=new)
    for chunk in _chunks(events.exclude(inputs={})):
        for event in chunk:
            event.inputs = upgrade_inputs(event.inputs)
        events.bulk_update(chunk, ["inputs"])
    pools = apps.get_model("scaling", "Pool").objects.using(schema_editor.connection.alias)
    for pool in pools.all():
        pool.overrides = rename(pool.overrides, OVERRIDES)
        pool.memory = rename(pool.memory, MEMORY)
        pool.save(update_fields=["overrides", "memory"])


class Migration(migrations.Migration):
    dependencies = [("scaling", "0002_held_events")]

    operations = [
        migrations.RemoveConstraint("scalingevent", "event_finished_unless_open"),
        migrations.RemoveIndex("scalingevent", "event_changes"),
        migrations.RemoveIndex("scalingevent", "event_held"),
        migrations.RemoveIndex("scalingevent", "event_open"),
        migrations.RenameField("scalingevent", "limiter", "constraint"),
        migrations.RenameField("scalingevent", "wish", "recommended_workers"),
        migrations.AlterField(
            "scalingevent",
            "state",
            models.CharField(
                max_length=11,
                choices=[
                    ("UNCHANGED", "Unchanged"),
                    ("RECOMMENDED", "Recommended"),
                    ("WAITING", "Waiting"),
                    ("ACTING", "Acting"),
                    ("SUCCEEDED", "Succeeded"),
                    ("SUPERSEDED", "Superseded"),
                    ("TIMED_OUT", "Timed out"),
                    ("FAILED", "Failed"),
                ],
            ),
        ),
        migrations.RunPython(upgrade_rows, elidable=True),
    ]
