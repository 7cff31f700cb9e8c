"""Times of day on the pages of tasks."""

from datetime import timedelta

from controlplane.core.clock import now
from tasks_app.templatetags.tasks import clock_text, exact_clock_text


def test_a_time_of_another_day_has_its_date_and_its_zone() -> None:
    moment = now().replace(hour=3, minute=5, second=21)
    assert clock_text(moment) == "03:05:21"
    before = moment - timedelta(days=1)
    assert clock_text(before) == f"{before:%Y-%m-%d} 03:05:21 UTC"


def test_so_has_the_time_of_a_log_line() -> None:
    moment = now().replace(hour=3, minute=5, second=21, microsecond=123_456)
    assert exact_clock_text(moment) == "03:05:21.123"
    before = moment - timedelta(days=1)
    assert exact_clock_text(before) == f"{before:%Y-%m-%d} 03:05:21.123 UTC"
