"""The pages beside the API: with and without the last slash, and without the internet."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("reader", password="x"))
    return client


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/", "/api/docs", "/api/docs/"])
def test_the_reference_is_there_with_and_without_the_slash(reader: Client, path: str) -> None:
    assert reader.get(path).status_code == 200


def test_the_reference_loads_nothing_from_elsewhere(reader: Client) -> None:
    page = reader.get("/api/docs").content.decode()
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 3
    assert all(link.startswith("/") for link in links), links
    # The policy of the headers allows no script within the page itself.
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
    for link in links:
        assert reader.get(link).status_code == 200, link


def test_a_reader_without_a_session_is_led_to_the_login(client: Client) -> None:
    answer = client.get("/api/docs")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/?next=/api/docs")
    assert client.get("/api/schema").status_code == 401


def test_the_admin_is_there_with_and_without_the_slash(reader: Client) -> None:
    assert reader.get("/admin/").status_code == 200
    assert reader.get("/admin", follow=True).status_code == 200
    assert reader.get("/static/admin/css/base.css").status_code == 200
