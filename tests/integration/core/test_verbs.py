"""Verbs and idempotency keys, on a resource that has every form of both."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from controlplane.core.http.verbs import Views, routes, verb
from tasks_app.models import IdempotencyKey, Task
from tests.clients import key_client, other_workspace
from tests.factories import make_task
from tests.integration.core import verburls

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integration.core.verburls")]

KEY = {"Idempotency-Key": "k"}


@pytest.fixture
def client() -> APIClient:
    return key_client("operator")


class TestVerbs:
    """What one decorator makes of a handler."""

    def test_a_resource_is_represented(self, client: APIClient) -> None:
        answer = client.post("/toys", {"name": "car", "priority": 3})
        assert answer.status_code == 201
        toy = answer.json()
        assert toy == {"id": toy["id"], "name": "car", "priority": 3, "payload": {}}

    def test_a_body_is_checked_and_so_is_what_the_service_would_refuse(
        self, client: APIClient
    ) -> None:
        def wrong(body: Any) -> list[str]:
            answer = client.post("/toys", body, format="json")
            assert answer.status_code == 422
            return [error["field"] for error in answer.json()["errors"]]

        assert wrong({"name": "", "priority": 10}) == ["name", "priority"]
        assert wrong({"name": "ball", "odd": 1}) == ["name", "odd"]
        assert wrong([]) == [""]
        assert not Task.objects.exists()

    def test_a_list_has_pages_sorts_and_fields(self, client: APIClient) -> None:
        for name in ("b", "a", "c"):
            make_task(name=name)
        page = client.get("/toys?limit=2&sort=-name&fields=name").json()
        assert page["data"] == [{"name": "c"}, {"name": "b"}]
        assert (page["total"], page["page"], page["limit"]) == (3, 1, 2)
        rest = client.get(f"/toys?limit=2&sort=-name&cursor={page['nextCursor']}").json()
        assert [toy["name"] for toy in rest["data"]] == ["a"]
        assert client.get("/toys?sort=priority").status_code == 422
        assert client.get("/toys?fields=odd").status_code == 422

    def test_a_long_column_that_is_not_asked_for_is_not_read(self, client: APIClient) -> None:
        make_task(name="a")
        with CaptureQueriesContext(connection) as queries:
            client.get("/toys?fields=name")
        (read,) = [q["sql"] for q in queries if q["sql"].startswith('SELECT "tasks_app_task"')]
        assert '"payload"' not in read

    def test_a_handler_with_the_name_of_a_method_is_refused(self) -> None:
        """Django would call it for that method at every path of the view set."""

        class Balls(Views):
            @verb("DELETE", "balls/<str:name>", name="balls", summary="Drop", returns=None)
            def delete(self, request: Any, name: str) -> None: ...

        with pytest.raises(TypeError, match=r"Balls\.delete"):
            routes(Balls)

    def test_roles_and_scopes(self, client: APIClient) -> None:
        toy = make_task("COMPLETED")
        assert client.delete(f"/toys/{toy.id}").status_code == 403
        answer = key_client("admin").delete(f"/toys/{toy.id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert key_client("viewer").post("/toys", {"name": "a"}).status_code == 403
        assert (
            key_client("operator", scopes=["tasks:write"]).post("/toys", {"name": "a"}).status_code
            == 201
        )

    def test_methods_without_a_verb_are_refused(self, client: APIClient) -> None:
        assert client.put("/toys", {}).status_code == 405
        found = client.options("/toys").json()
        assert found["methods"] == ["GET", "POST"]
        assert found["bodies"]["POST"]["required"] == ["name"]

    def test_the_document(self) -> None:
        document = SchemaGenerator(patterns=verburls.urlpatterns).get_schema(public=True)
        listed, made = document["paths"]["/toys"]["get"], document["paths"]["/toys"]["post"]
        assert (listed["summary"], listed["tags"]) == ("List toys", ["toys"])
        names = [each["name"] for each in listed["parameters"]]
        assert names == ["cursor", "fields", "limit", "page", "sort"]
        assert [each["name"] for each in made["parameters"]] == ["Idempotency-Key", "X-Reason"]
        assert {"200", "201", "409", "422", "401"} <= made["responses"].keys()
        schemas = document["components"]["schemas"]
        assert schemas["ToyRequest"]["properties"]["priority"] == {
            "type": "integer",
            "minimum": 0,
            "maximum": 9,
            "default": 0,
        }
        assert schemas["Toy"]["required"] == ["id", "name", "priority", "payload"]
        assert schemas["PaginatedToyList"]["properties"]["data"]["items"] == {
            "$ref": "#/components/schemas/Toy"
        }


class TestIdempotency:
    """A call that is made twice under one key is done once."""

    def test_a_repetition_finds_what_was_made(self, client: APIClient) -> None:
        first = client.post("/toys", {"name": "car"}, headers=KEY)
        again = client.post("/toys", {"name": "car", "priority": 0, "idempotencyKey": "k"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert Task.objects.count() == 1

    def test_another_body_is_a_conflict(self, client: APIClient) -> None:
        client.post("/toys", {"name": "car"}, headers=KEY)
        answer = client.post("/toys", {"name": "bus"}, headers=KEY)
        assert answer.status_code == 409
        assert "another body" in answer.json()["detail"]

    def test_another_path_is_another_body(self, client: APIClient) -> None:
        one, other = make_task("COMPLETED"), make_task("COMPLETED")
        assert client.post(f"/toys/{one.id}/polish", headers=KEY).status_code == 202
        assert client.post(f"/toys/{one.id}/polish", headers=KEY).status_code == 200
        assert client.post(f"/toys/{other.id}/polish", headers=KEY).status_code == 409
        assert client.post(f"/toys/{one.id}/polish").status_code == 409  # it is no longer ended

    def test_a_call_that_fails_keeps_no_key_and_nothing_it_made(self, client: APIClient) -> None:
        failed = client.post("/toys", {"name": "car", "fails": True}, headers=KEY, format="json")
        assert failed.status_code == 409
        assert not IdempotencyKey.objects.exists()
        assert not Task.objects.exists()
        assert client.post("/toys", {"name": "car"}, headers=KEY).status_code == 201

    def test_two_keys_and_bad_keys_are_refused(self, client: APIClient) -> None:
        two = client.post("/toys", {"name": "car", "idempotencyKey": "other"}, headers=KEY)
        long = client.post("/toys", {"name": "car"}, headers={"Idempotency-Key": "k" * 256})
        for answer in (two, long):
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == "idempotencyKey"

    def test_what_is_gone_is_a_conflict(self, client: APIClient) -> None:
        client.post("/toys", {"name": "car"}, headers=KEY)
        Task.objects.all().delete()
        assert client.post("/toys", {"name": "car"}, headers=KEY).status_code == 409

    def test_keys_of_workspaces_are_apart(self, client: APIClient) -> None:
        stranger = key_client("operator", workspace=other_workspace())
        for each in (client, stranger):
            assert each.post("/toys", {"name": "car"}, headers=KEY).status_code == 201
