"""Times of day on the pages of tasks."""

from datetime import timedelta

from controlplane.core.clock import now
from tasks_app.templatetags.tasks import clock_text


def test_a_time_of_another_day_has_its_date_and_its_zone() -> None:
    moment = now().replace(hour=3, minute=5, second=21)
    assert clock_text(moment) == "03:05:21"
    before = moment - timedelta(days=1)
    assert clock_text(before) == f"{before:%Y-%m-%d} 03:05:21 UTC"
