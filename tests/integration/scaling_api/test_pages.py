"""Every GET renders as a page of the browsable API, with a form where something can be posted."""

from typing import Any

import pytest

from tests.clients import user_client
from tests.factories import make_decision, make_launch, make_scaling_event, set_pool

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/auto-scaling/config",
        "/auto-scaling/status",
        "/auto-scaling/metric",
        "/health/scaling-events",
        "/health/scaling-events/{event}",
    ],
)
def test_pages_render(path: str, environment: Any) -> None:
    event = make_scaling_event(inputs=make_decision(), sentence="<script>alert(1)</script>")
    make_launch(event)
    answer = user_client().get(path.format(event=event.id), headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert "</html>" in page
    assert "<script>alert(1)" not in page


def test_the_form_of_the_configuration_begins_with_an_example() -> None:
    page = user_client().get("/auto-scaling/config", headers={"Accept": "text/html"})
    assert "&quot;maxWorkers&quot;: 10" in page.content.decode()


def test_a_problem_renders_too(environment: Any) -> None:
    set_pool(overrides={"min_workers": 99})
    answer = user_client().get("/auto-scaling/config", headers={"Accept": "text/html"})
    assert answer.status_code == 409
    assert "no longer fit the environment" in answer.content.decode()
