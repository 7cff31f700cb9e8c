"""100 percent is all of it."""

import pytest

from controlplane.core.formatting import percent_done


@pytest.mark.parametrize(
    ("done", "total", "percent"),
    [(0, 2, 0.0), (1, 2, 50.0), (1.5, 2, 75.0), (2, 3, 66.6), (9_999, 10_000, 99.9),
     (1_999_999, 2_000_000, 99.9), (2, 2, 100.0), (3, 2, 100.0), (0, 0, 100.0), (-1, 2, 0.0)],
)  # fmt: skip
def test_only_all_is_a_hundred(done: float, total: float, percent: float) -> None:
    assert percent_done(done, total) == percent
