"""A decision in words, for operators and for the record."""

from collections.abc import Sequence

from scaling.strategies.decision import Limiter, Rule
from scaling.strategies.inputs import Demand, Settings


def describe(
    demand: Demand,
    settings: Settings,
    rule: Rule,
    wish: int,
    wanted: int,
    limiter: Limiter,
    table: Sequence[tuple[int, float]],
) -> str:
    """What changes, what was measured, what would happen otherwise, what holds it back."""
    parts = [_change(demand.workers, wanted), _measured(demand)]
    if rule is Rule.FORECAST and demand.forecast is not None:
        parts.append(f"The forecast ({demand.forecast.model}) sees more coming.")
    if rule is Rule.THRESHOLD:
        parts.append(
            f"The rule: {settings.scale_up_threshold} waiting or more, one worker more; "
            f"fewer than {settings.scale_down_threshold}, one less."
        )
    if table:
        waits = ", ".join(f"{wait:.0f} s with {n}" for n, wait in table)
        parts.append(
            f"In {demand.startup:.0f} s the wait would be {waits}; "
            f"the objective is {settings.objective:.0f} s."
        )
    if limiter is not Limiter.NONE:
        parts.append(_limit(settings, wish, wanted, limiter, table))
    return " ".join(parts)


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


def _limit(
    settings: Settings,
    wish: int,
    wanted: int,
    limiter: Limiter,
    table: Sequence[tuple[int, float]],
) -> str:
    if limiter is Limiter.MAX:
        wait = dict(table).get(wanted)
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
        return f"Wanted {wish}, but the last change was too recent."
    return f"Wanted {wish}, but more was wanted a moment ago."
