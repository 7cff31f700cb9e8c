"""A decision in words, for operators and for the record.

Each rule says the numbers that led to it, and no others: a predicted wait beside a number that was
decided by something else would speak against it.
"""

import math
from collections.abc import Sequence

from scaling.strategies.decision import Limiter
from scaling.strategies.inputs import Demand, Settings

Waits = Sequence[tuple[int, float]]  # number of workers, predicted wait in seconds


def describe(
    demand: Demand,
    settings: Settings,
    *,
    reason: str,
    wish: int,
    wanted: int,
    limiter: Limiter,
    waits: Waits,
    rest: float,
) -> str:
    """What changes, what was measured, what led to the number, what constrains it. rest: seconds
    until the cooldown is over."""
    parts = [_change(demand.workers, wanted), _measured(demand), reason]
    if limiter is not Limiter.NONE:
        parts.append(_limit(settings, wish, wanted, limiter, waits, rest))
    return " ".join(filter(None, parts))


def explain_wait(waits: Waits, limit: float, demand: Demand, settings: Settings) -> str:
    """The predicted wait decided: with fewer workers it would exceed `limit` seconds."""
    return (
        f"In {demand.startup:.0f} s the wait would be {_say_waits(waits, limit)}; at most "
        f"{_below(limit)} s is allowed (the objective is {settings.objective:g} s)."
    )


def explain_calm_wait(waits: Waits, limit: float, settings: Settings) -> str:
    """As `explain_wait`, before a worker is let go."""
    return (
        f"From now on the wait would be {_say_waits(waits, limit)}; at most {_below(limit)} s is "
        f"allowed before a worker is let go (the objective is {settings.objective:g} s)."
    )


def explain_load(load: float, slots: float, workers: int, settings: Settings) -> str:
    """The load decided. `load`: slots that are busy on average; `slots`: those planned for it."""
    return (
        f"{load:.3g} slots are busy on average, and {slots:.3g} are planned for that: "
        f"{_workers(workers)} with {settings.slots} each."
    )


def explain_calm_load(load: float, slots: float) -> str:
    """As `explain_load`, before a worker is let go."""
    return (
        f"{load:.3g} slots are busy on average; "
        f"a worker is let go only if {slots:.3g} slots remain."
    )


def explain_floor(settings: Settings) -> str:
    """No rule asks for more than the minimum."""
    return f"The minimum is {_workers(settings.min_workers)}; no more are needed."


def explain_threshold(demand: Demand, settings: Settings) -> str:
    """The number of waiting tasks decided."""
    up, down = settings.scale_up_threshold, settings.scale_down_threshold
    if demand.waiting >= up:
        return f"From scaleUpThreshold ({up} waiting tasks) on, the rule asks for one worker more."
    if not demand.workers:
        return "There is no worker, and the first waiting task gets one."
    if demand.waiting < down:
        return f"Below scaleDownThreshold ({down} waiting tasks) it asks for one worker less."
    return f"Between scaleDownThreshold ({down}) and scaleUpThreshold ({up}) the number stays."


def explain_objective(arriving: float, waiting: float, workers: int, settings: Settings) -> str:
    """Both terms of the rule, in slots."""
    return (
        f"{arriving:.3g} slots are needed for what arrives, {waiting:.3g} to start what waits "
        f"within {settings.objective:g} s: {_workers(workers)} with {settings.slots} each."
    )


def explain_forecast(demand: Demand, reason: str) -> str:
    """`reason` with what the forecast expects."""
    model = demand.forecast.model if demand.forecast is not None else "schedules"
    return f"The forecast ({model}) expects more. {reason}"


def _change(now: int, wanted: int) -> str:
    if wanted == now:
        return f"{_workers(now)}, no change."
    return f"{now} → {_workers(wanted)}."


def _workers(number: int) -> str:
    return f"{number} worker" if number == 1 else f"{number} workers"


def _measured(demand: Demand) -> str:
    text = (
        f"{demand.waiting} waiting, {demand.per_second:.3g}/s arriving, "
        f"{demand.run_times.mean:.3g} s of a slot each"
    )
    longest = max(demand.ages, default=0.0)
    if longest >= demand.startup:
        text += f"; the longest has run for {longest:.0f} s"
    return text + "."


def _say_waits(waits: Waits, limit: float) -> str:
    # Rounded away from the limit, so that the figures shown compare as the exact ones did.
    return ", ".join(
        f"{_above(wait) if wait > limit else _below(wait)} s with {n}" for n, wait in waits
    )


def _below(seconds: float) -> str:
    return f"{math.floor(seconds * 10) / 10:g}"


def _above(seconds: float) -> str:
    return f"{math.ceil(seconds * 10) / 10:g}"


def _limit(
    settings: Settings, wish: int, wanted: int, limiter: Limiter, waits: Waits, rest: float
) -> str:
    if limiter is Limiter.MAX:
        wait = dict(waits).get(wanted)
        late = "" if wait is None else f"; the wait will reach {wait:.0f} s"
        return f"Wanted {wish}, the maximum is {settings.max_workers}{late}."
    if limiter is Limiter.MIN:
        return f"Wanted {wish}, the minimum is {settings.min_workers}."
    if limiter is Limiter.WAITING:
        return (
            f"Wanted {wish}, but {settings.scale_down_threshold} or more tasks wait: "
            "nothing is drained."
        )
    if limiter is Limiter.COOLDOWN:
        return f"Wanted {wish}, but the cooldown after the last change has {rest:.0f} s left."
    return f"Wanted {wish}, but more was wanted a moment ago."
