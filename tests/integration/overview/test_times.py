"""When a decision about the number of workers was made: no time of day stands for another day."""

import pytest

from controlplane.core.formatting import format_time
from controlplane.ops.overview.live import read_overview
from tests.clients import default_workspace, staff_client
from tests.factories import make_scaling_event, make_task

pytestmark = pytest.mark.django_db
_DAY = 86_400


def test_a_decision_of_another_day_has_its_date():
    make_task()
    old, recent = make_scaling_event(ago=5 * _DAY), make_scaling_event(ago=_DAY - 60)
    words = {old: f"{old.at:%Y-%m-%d %H:%M} UTC", recent: f"{recent.at:%H:%M}"}
    page = staff_client("vera", "viewer", apps=["tasks_app", "scaling"]).get("/admin/")
    shown = page.content.decode().partition('data-list="scaling"')[2].partition("</ol>")[0]
    rows = read_overview(default_workspace().id, "")["scaling"]["rows"]
    for event, clock in words.items():
        assert rows[str(event.id)]["clock"] == clock
        assert f'title="{format_time(event.at)}">{clock}</time>' in shown
