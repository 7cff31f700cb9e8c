"""The content of the page of the fleet: its state in a sentence, its course, its decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from django.urls import reverse

from controlplane.core.admin.charts import Chart, Frame, Objective, Series, draw_chart
from controlplane.core.admin.marks import choose_marks
from controlplane.core.clock import now
from controlplane.core.formatting import format_count
from scaling.admin.eventpage import describe_decider, describe_reason
from scaling.models import ScalingEvent
from scaling.queries.course import list_marks, read_course
from scaling.queries.events import list_events
from scaling.queries.pool import find_contradiction
from scaling.queries.status import FleetStatus
from scaling.states import EventState

# The spans of the chart with the number of their steps.
SPANS: Mapping[str, tuple[timedelta, int]] = {
    "1h": (timedelta(hours=1), 360),
    "6h": (timedelta(hours=6), 360),
    "24h": (timedelta(hours=24), 288),
}
_MAX_EVENTS = 10
_MAX_MARKS = 5
# What a rule went by, as the end of "Decided by".
_WRONG = frozenset({EventState.FAILED.value, EventState.TIMED_OUT.value})


@dataclass(frozen=True, slots=True)
class LoopState:
    """The state of the control loop, its shape, and what to do."""

    word: str
    shape: str
    advice: str = ""


def describe_pool(status: FleetStatus, span: str) -> dict[str, Any]:
    """The context of the template, but for its forms."""
    chosen = span if span in SPANS else "6h"
    return {
        "status": status,
        "loop": find_loop_state(status),
        "sentence": explain(status),
        "contradiction": find_contradiction(status.pool),
        "course": draw_course(status, chosen),
        "spans": list(SPANS),
        "span": chosen,
        "decisions": [describe_decision(each) for each in list_events()[:_MAX_EVENTS]],
    }


def find_loop_state(status: FleetStatus) -> LoopState:
    advice = "" if status.leader.leads else "Start manage.py autoscale."
    if not status.enabled:
        return LoopState("off", "quiet", advice)
    if status.leader.leads:
        return LoopState("cannot act", "bad") if status.problem else LoopState("running", "good")
    if status.seen_at is None:
        return LoopState("never started", "quiet", advice)
    return LoopState("stopped", "bad", advice)


def explain(status: FleetStatus) -> str:
    """Whether the fleet is where it should be."""
    pool = status.pool
    desired = status.manual.workers if status.manual else pool.target
    if desired is None:
        return f"{format_count(pool.ready, 'worker')} ready; no number is decided."
    present = pool.ready + pool.starting
    if present == desired and not pool.starting:
        return f"{format_count(pool.ready, 'worker')} ready, as many as there should be."
    starting = f", {pool.starting} starting" if pool.starting else ""
    return f"{pool.ready} of {format_count(desired, 'worker')} ready{starting}."


def draw_course(status: FleetStatus, span: str) -> Chart:
    """Desired and present workers as steps, with what was recommended behind them."""
    length, steps = SPANS[span]
    course = read_course(length, steps)
    marks, cut = list_marks(now() - length)
    chosen = choose_marks(marks, _MAX_MARKS, cut=cut)
    most = int(status.values["max_workers"])
    present = course.present[-1]
    desired = course.desired[-1]
    target = "no target" if desired is None else f"target {desired}"
    return draw_chart(
        Frame(
            times=course.times,
            zone=UTC,
            write=lambda value: f"{value:,.0f}",
            sentence=f"Workers in the last {span}: now {present}, {target}, maximum {most}",
            height=160,
            events=chosen.events,
            events_title=chosen.describe("Losses and overrides") if chosen.marks else "",
            objective=Objective(most, f"maximum {most}"),
        ),
        [
            Series("Recommended", course.recommended, tone="soft", style="thin", is_stepped=True),
            Series("Target", course.desired, tone="accent", style="dash", is_stepped=True),
            Series(
                "Present", course.present, style="bold", is_stepped=True, has_area=True,
                is_strong=True,
            ),
        ],
    )  # fmt: skip


def describe_decision(event: ScalingEvent) -> dict[str, Any]:
    """A decision with the rule that won, in words."""
    return {
        "event": event,
        "url": reverse("admin:scaling_scalingevent_change", args=[event.pk]),
        "change": f"{event.from_workers} → {event.to_workers}"
        if event.from_workers != event.to_workers
        else str(event.to_workers),
        "lead": describe_decider(event),
        "words": describe_reason(event),
        "is_wrong": event.state in _WRONG,
    }
