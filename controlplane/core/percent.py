"""How far something is."""

import math


def percent_done(done: float, total: float) -> float:
    """From 0 to 100, rounded down to a tenth: 100 only when all is done."""
    if done >= total:
        return 100.0
    return min(99.9, math.floor(1_000 * max(0.0, done) / total) / 10)
