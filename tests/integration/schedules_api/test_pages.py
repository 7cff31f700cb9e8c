"""The calls in the browsable API."""

import pytest
from rest_framework.test import APIClient

from tests.clients import user_client
from tests.factories import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(db: None) -> APIClient:
    return user_client("admin", enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "path",
    [
        "/cron/jobs",
        "/cron/jobs?search=script&limit=1",
        "/cron/jobs/{job}",
        "/cron/jobs/{job}/executions",
        "/cron/jobs/{job}/trigger",
        "/cron/preview?schedule=@daily&format=api",
        "/cron/preview?format=api",
    ],
)
def test_every_page_renders(browser: APIClient, path: str) -> None:
    job = make_job("<script>alert(1)</script>")
    answer = browser.get(path.format(job=job.id), headers={"Accept": "text/html"})
    assert answer.status_code in (200, 405, 422)
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert "</html>" in page
    assert "<script>alert(1)" not in page


def test_the_form_begins_with_an_example(browser: APIClient) -> None:
    page = browser.get("/cron/jobs", headers={"Accept": "text/html"}).content.decode()
    assert "Nightly sums" in page
