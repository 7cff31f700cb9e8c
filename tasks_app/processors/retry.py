"""How long a failed task waits before its next attempt."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Strategy = Literal["exponential", "linear", "fixed"]

STRATEGIES: tuple[str, ...] = get_args(Strategy)
MAX_MS = 30 * 24 * 3_600_000  # a wait beyond a month is a schedule, not a back-off

_MANY = 1_000_000_000  # keeps the count of attempts a number that a float can hold

_JSON_NAMES = {
    "strategy": "strategy",
    "baseMs": "base_ms",
    "factor": "factor",
    "maxMs": "max_ms",
    "jitter": "jitter",
}


class InvalidRetryPolicy(ValueError):  # noqa: N818 - says what is wrong
    """An invalid retry policy. `field` is the API's name of the wrong field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The wait before the next attempt, from the number of attempts that failed so far.

    With n failed attempts, all times in milliseconds:

        exponential   wait = min(max_ms, base_ms * factor ** (n - 1))
        linear        wait = min(max_ms, base_ms * n)
        fixed         wait = min(max_ms, base_ms)
        delay         = wait * (1 - jitter * r),  r drawn evenly from [0, 1)

    Jitter is taken off the wait, never added: the delay stays within max_ms, and tasks that
    failed together stay spread out also at the ceiling. `jitter=1` is "full jitter" and
    `jitter=0.5` "equal jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015.

    Raises InvalidRetryPolicy (a ValueError) for values outside their range.
    """

    strategy: Strategy = "exponential"
    base_ms: int = 1_000
    factor: float = 2.0
    max_ms: int = 3_600_000
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InvalidRetryPolicy(
                "strategy",
                f"strategy must be one of {', '.join(STRATEGIES)}: not {self.strategy!r}.",
            )
        _check_ms("maxMs", self.max_ms)
        _check_ms("baseMs", self.base_ms)
        _check_number("factor", self.factor, 1, 1_000)
        _check_number("jitter", self.jitter, 0, 1)
        if self.base_ms > self.max_ms:
            raise InvalidRetryPolicy(
                "baseMs", f"baseMs ({self.base_ms}) must not be above maxMs ({self.max_ms})."
            )

    def delay_ms(self, failed_attempts: int, random: Callable[[], float]) -> int:
        """Milliseconds to wait, 0 to max_ms. `random` gives numbers in [0, 1).

        Raises ValueError when `failed_attempts` is below 1.
        """
        if failed_attempts < 1:
            raise ValueError(f"failed_attempts must be at least 1: not {failed_attempts}.")
        return int(self._wait_ms(failed_attempts) * (1 - self.jitter * random()))

    def _wait_ms(self, failed_attempts: int) -> float:
        if self.strategy == "fixed" or self.base_ms == 0:
            return self.base_ms
        if self.strategy == "linear":
            return min(self.max_ms, self.base_ms * failed_attempts)
        # Compared as logarithms: 2.0 ** 10_000 is no float.
        steps = min(failed_attempts - 1, _MANY)
        if steps * math.log(self.factor) >= math.log(self.max_ms / self.base_ms):
            return self.max_ms
        return min(float(self.max_ms), self.base_ms * self.factor**steps)

    def to_json(self) -> dict[str, Any]:
        """The policy with the API's field names."""
        return {name: getattr(self, field) for name, field in _JSON_NAMES.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RetryPolicy":
        """The policy of an API object; a field left out takes its default.

        Raises InvalidRetryPolicy for an unknown field or a value outside its range.
        """
        for name in data:
            if name not in _JSON_NAMES:
                raise InvalidRetryPolicy(
                    name, f"{name!r} is not a field of a retry policy: {', '.join(_JSON_NAMES)}."
                )
        return cls(**{_JSON_NAMES[name]: value for name, value in data.items()})


def _check_number(field: str, value: object, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Written so that NaN, which compares false, is refused.
    if not (is_number and least <= value <= most):  # type: ignore[operator] # narrowed by is_number
        raise InvalidRetryPolicy(
            field, f"{field} must be a number from {least} to {most}: not {value!r}."
        )


def _check_ms(field: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_MS:
        raise InvalidRetryPolicy(
            field, f"{field} must be a whole number from 0 to {MAX_MS}: not {value!r}."
        )
