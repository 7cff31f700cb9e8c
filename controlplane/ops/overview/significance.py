"""Whether a count left what is normal for it, or only varies: pure functions."""

import math

# Two-sided 99.9 %. An interval that is too narrow by chance is one in a thousand, and two that lie
# apart by chance are far fewer: a hundred types that are looked at once a second stay quiet.
Z = 3.29


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The Wilson score interval of a share: where the true one lies. It holds for few trials and
    for shares of 0 and 1, where the normal approximation does not (E. B. Wilson, "Probable
    inference, the law of succession, and statistical inference", JASA 1927). (0, 1) without
    trials."""
    if whole <= 0:
        return 0.0, 1.0
    share, squared = part / whole, Z * Z
    middle = (share + squared / (2 * whole)) / (1 + squared / whole)
    half = Z / (1 + squared / whole)
    half *= math.sqrt(share * (1 - share) / whole + squared / (4 * whole * whole))
    # At the ends the bound is exactly the share, but for rounding.
    low = 0.0 if part <= 0 else max(0.0, middle - half)
    high = 1.0 if part >= whole else min(1.0, middle + half)
    return low, high


def exceeds_rate(count: int, usual: float) -> bool:
    """Whether a count is above what a Poisson process with this mean brings: by more than Z times
    its standard deviation, on the scale of square roots, where that is a half for every mean
    (F. J. Anscombe, "The transformation of Poisson, binomial and negative-binomial data",
    Biometrika 1948)."""
    return 2 * (math.sqrt(count + 0.375) - math.sqrt(usual + 0.375)) > Z
