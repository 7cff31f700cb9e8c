"""How the pages say things."""

from datetime import timedelta
from typing import Any

from django.utils.html import format_html

from controlplane.workspaces.actors import SYSTEM
from scaling.models import Launch, ScalingEvent
from scaling.states import LaunchState, Trigger


def badge(event: ScalingEvent | Launch) -> str:
    """The state as words in a coloured frame; the words say all, the colour repeats it."""
    return format_html(
        '<span class="hue-badge scl-{}">{}</span>', event.state, event.get_state_display()
    )


def change(event: ScalingEvent) -> str:
    """From how many to how many."""
    text = f"{event.from_workers} → {event.to_workers}"
    if event.from_workers == event.to_workers:
        text = f"{event.to_workers} stay"
    return format_html('<span class="scl-number">{}</span>', text)


def decider(event: ScalingEvent) -> str:
    """A person, an order that still holds, or a strategy and its rule."""
    if event.trigger == Trigger.PERSON:
        return event.actor_label if event.actor_label != SYSTEM.label else "an order"
    return f"{event.strategy or 'the loop'}: {event.rule}"


def seconds(number: float) -> str:
    """In the unit that suits: `0.4 s`, `12 s`, `3 min`, `2.0 h`."""
    if number < 10:
        return f"{number:.1f} s"
    if number < 600:
        return f"{number:.0f} s"
    return f"{number / 60:.0f} min" if number < 36_000 else f"{number / 3_600:.1f} h"


def took(started: Any, ended: Any) -> str:
    """Between two moments; `-` before the end."""
    if started is None or ended is None:
        return "-"
    return seconds(max(timedelta(), ended - started).total_seconds())


def tell_launch(launch: Launch) -> dict[str, Any]:
    """A launch as the page shows it."""
    is_ready = launch.state == LaunchState.READY
    return {
        "key": launch.key or "-",
        "badge": badge(launch),
        "asked": launch.asked_at,
        "took": took(launch.asked_at, launch.ended_at) if is_ready else "-",
        "node": launch.node_id,
        "problem": launch.problem,
    }
