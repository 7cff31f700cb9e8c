"""Every sentence of a scaling event: the decision, its reason, and its result. Pure functions of
numbers and names. Each rule names the figures that led to its number, and no others: a predicted
wait beside a number that another rule decided would contradict it.
"""

import math
from collections.abc import Sequence
from datetime import datetime

Waits = Sequence[tuple[int, float]]  # number of workers, predicted wait in seconds

# Where a higher number of arrivals is known from.
FORECAST, SCHEDULE = "forecast", "schedule"

# Without figures: why nothing was decided or done, results, why a launch or a worker ended.
MEASURING_TIMED_OUT = "Measuring the demand took too long."
PUBLISHED = "Published; a scaler that reads GET /auto-scaling/metric follows it."
ALREADY_REACHED = "There were already that many workers."
OVERRIDE_REPLACED = "A newer override replaced it before it took effect."
OVERRIDE_EXPIRED = "It expired before it took effect."
INTERRUPTED_DECISION = (
    "The autoscaler ended before it acted on this decision, or before it recorded what it did; "
    "the next decision starts from the workers that exist."
)
GONE_BEFORE_READY = "It disappeared before it was ready."
STOPPED_WITH_AUTOSCALER = "It was stopped together with the autoscaler."
NOT_READY = "It was not ready yet."
IDLE = "It was idle."

# Sentences of a decision.


def workers(number: int) -> str:
    return _count(number, "worker")


def change(current: int, desired: int) -> str:
    if current == desired:
        return f"{workers(current)}, no change."
    return f"{current} → {workers(desired)}."


def demand(waiting: int, per_second: float, run_time: float, longest: float, startup: float) -> str:
    """The measurements. longest: age of the oldest running task, shown if it exceeds one
    start-up."""
    verb = "is" if waiting == 1 else "are"
    text = (
        f"{_count(waiting, 'task')} {verb} waiting and {per_second:.3g} arrive per second, "
        f"each taking {run_time:.3g} s of a slot."
    )
    if longest >= startup:
        text += f" The longest-running task has run for {longest:.0f} s."
    return text


def stale(current: int, age: float, limit: float) -> str:
    return (
        f"{change(current, current)} The measurements are {age:.0f} s old; the limit is "
        f"{limit:.0f} s."
    )


def wait(waits: Waits, limit: float, startup: float, objective: float) -> str:
    """The predicted wait decided: with fewer workers it would exceed `limit` seconds."""
    return (
        f"The predicted wait in {startup:.0f} s is {_list_waits(waits, limit)}; the limit is "
        f"{_round_down(limit)} s (objective {objective:g} s)."
    )


def scale_in_wait(waits: Waits, limit: float, objective: float) -> str:
    """As `wait`, before a worker is removed."""
    return (
        f"The predicted wait from now on is {_list_waits(waits, limit)}; a worker is removed only "
        f"below a limit of {_round_down(limit)} s (objective {objective:g} s)."
    )


def load(busy: float, needed: float, recommended: int, slots: int) -> str:
    """The load decided. busy: slots that are busy on average. needed: slots with headroom."""
    return (
        f"{busy:.3g} slots are busy on average and {needed:.3g} are needed with headroom: "
        f"{_with_slots(recommended, slots)}."
    )


def scale_in_load(busy: float, remaining: float) -> str:
    """As `load`, before a worker is removed."""
    return (
        f"{busy:.3g} slots are busy on average; a worker is removed only while {remaining:.3g} "
        "slots remain."
    )


def minimum(number: int) -> str:
    return f"The minimum of {workers(number)} is enough."


def threshold(waiting: int, current: int, up: int, down: int) -> str:
    if waiting >= up:
        return f"At {up} or more waiting tasks (scaleUpThreshold), one worker is added."
    if not current:
        return "With no worker, one is added for the first waiting task."
    if waiting < down:
        return f"Below {down} waiting tasks (scaleDownThreshold), one worker is removed."
    return (
        f"From {down} (scaleDownThreshold) to {up} waiting tasks (scaleUpThreshold), the number "
        "stays the same."
    )


def load_and_backlog(
    arriving: float, waiting: float, recommended: int, slots: int, objective: float
) -> str:
    """Both terms of the rule `objective`, in slots."""
    return (
        f"Arriving tasks need {arriving:.3g} slots, and starting the waiting tasks within "
        f"{objective:g} s needs {waiting:.3g}: {_with_slots(recommended, slots)}."
    )


def forecast(source: str, reason: str) -> str:
    """`reason`, with the source of the higher number of arrivals: FORECAST or SCHEDULE."""
    return f"The {source} predicts more arrivals. {reason}"


# What constrained a decision.


def limited_by_maximum(recommended: int, maximum: int, waits: Waits) -> str:
    """Contains the predicted wait with the maximum, if there is one."""
    text = f"{_recommended(recommended)}, but the maximum is {maximum}"
    predicted = dict(waits).get(maximum)
    return f"{text}." if predicted is None else f"{text}; the wait will reach {predicted:.0f} s."


def limited_by_minimum(recommended: int, number: int) -> str:
    return f"{_recommended(recommended)}, but the minimum is {number}."


def limited_by_waiting(recommended: int, down: int) -> str:
    return (
        f"{_recommended(recommended)}, but no worker is removed while {down} or more tasks are "
        "waiting (scaleDownThreshold)."
    )


def limited_by_cooldown(recommended: int, seconds: float) -> str:
    return f"{_recommended(recommended)}, but the cooldown ends in {seconds:.0f} s."


def limited_by_stabilisation(recommended: int, seconds: float) -> str:
    return (
        f"{_recommended(recommended)}, but more were recommended or present within the last "
        f"{seconds:g} s."
    )


# Why nothing could be decided, or a decision was not followed.


def not_decided(current: int, problem: str) -> str:
    return f"{change(current, current)} {_sentence(problem)}"


def invalid_configuration(errors: str) -> str:
    return f"The configuration is invalid: {errors}"


def delayed_until(moment: datetime, reason: str) -> str:
    return f"Delayed until {moment:%H:%M:%S} UTC. {reason}"


def launches_failed(failures: int, problem: str) -> str:
    what = "launch" if failures == 1 else f"{failures} launches in a row"
    return f"The last {what} failed. {problem}".rstrip()


def workers_not_ready(number: int) -> str:
    verb = "has" if number == 1 else "have"
    return f"Not followed: {workers(number)} {verb} not become ready; see the list of nodes."


# Manual overrides.


def override_set(current: int, number: int, actor: str, reason: str) -> str:
    text = f"{current} → {workers(number)}" if current != number else workers(number)
    return f"{text}, set by {actor}: {_sentence(reason)}"


def override_followed(
    current: int, desired: int, number: int, actor: str, *, maximum: int, unmanaged: int
) -> str:
    """The number that an override leads to. A maximum that was lowered since limits it; so do
    `unmanaged` workers, which this back-end cannot stop."""
    text = f"{change(current, desired)} The manual override by {actor} asks for {number}"
    if desired < number:
        return f"{text}, but the maximum is {maximum}."
    if desired > number:
        return f"{text}, but this back-end cannot stop {unmanaged} of the workers."
    return f"{text}."


def override_released(actor: str) -> str:
    return f"{actor} released it before it took effect."


# Results of a decision.


def ready_after(seconds: Sequence[float]) -> str:
    if len(seconds) == 1:
        return f"1 worker was ready after {seconds[0]:.1f} s."
    return f"{workers(len(seconds))} were ready after {min(seconds):.1f} to {max(seconds):.1f} s."


def launch_failed(key: str, problem: str) -> str:
    return f"{key or 'A worker'} failed: {problem}"


def launches_cancelled(number: int) -> str:
    verb = "was" if number == 1 else "were"
    return f"{workers(number)} {verb} cancelled before becoming ready."


def drained(names: Sequence[str], seconds: float) -> str:
    return f"{', '.join(names)}: drained and stopped within {seconds:.1f} s."


def stopped_unused(names: Sequence[str]) -> str:
    return f"{', '.join(names)}: stopped before taking any work."


def interrupted_tasks(number: int) -> str:
    verb = "was" if number == 1 else "were"
    return f"{_count(number, 'running task')} {verb} interrupted and will run again."


def timed_out(seconds: float, not_ready: int, launched: int, draining: Sequence[str]) -> str:
    parts = [f"Not completed within {seconds:g} s."]
    if not_ready:
        parts.append(f"{not_ready} of {workers(launched)} are not ready.")
    if draining:
        parts.append(f"Still draining: {', '.join(draining)}. Running tasks are not interrupted.")
    return " ".join(parts)


def next_launch(moment: datetime | None, failures: int) -> str:
    """When the next launch is attempted after a failed one."""
    if moment is None:
        return "A replacement is launched at once if it is needed."
    attempts = "" if failures == 1 else f", after {failures} failed launches in a row"
    return f"The next launch is at {moment:%H:%M:%S} UTC at the earliest{attempts}."


# One launch, one worker.


def ended_before_ready(detail: str) -> str:
    """Why a launch failed: the back-end's reason, if it knows one."""
    return detail or "It exited normally before it was ready."


def not_ready_in_time(seconds: float, detail: str) -> str:
    return f"It was not ready within {seconds:g} s. {detail}".strip()


def soonest_free(running: int, seconds: float) -> str:
    if running == 1:
        return f"It was running 1 task, expected to take {seconds:.3g} s more."
    return f"It was running {running} tasks; the longest was expected to take {seconds:.3g} s more."


def _recommended(number: int) -> str:
    return f"{workers(number)} {'is' if number == 1 else 'are'} recommended"


def _with_slots(number: int, slots: int) -> str:
    return f"{workers(number)} with {_count(slots, 'slot')} each"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _list_waits(waits: Waits, limit: float) -> str:
    # Rounded away from the limit, so that the figures shown compare as the exact ones did.
    return ", ".join(
        f"{_round_up(seconds) if seconds > limit else _round_down(seconds)} s with {number}"
        for number, seconds in waits
    )


def _round_down(seconds: float) -> str:
    return f"{math.floor(seconds * 10) / 10:g}"


def _round_up(seconds: float) -> str:
    return f"{math.ceil(seconds * 10) / 10:g}"
