"""The same call many times at once, under one key, is done once."""

import pytest
from rest_framework.test import APIClient

from tasks_app.models import IdempotencyKey, Task
from tests.clients import key_client
from tests.concurrency.racing import Racers

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.urls("tests.integration.core.verburls"),
]


def like(client: APIClient) -> APIClient:
    """A client with the same key: one keeps what it sent last, so each thread needs its own."""
    made = APIClient()
    made.defaults = dict(client.defaults)
    return made


def test_a_key_raced_by_eight_makes_one_and_shows_it_to_all(eight: Racers) -> None:
    client = key_client("operator")

    def make(number: int) -> tuple[int, str]:
        own = like(client)
        answer = own.post("/toys", {"name": "car"}, headers={"Idempotency-Key": f"k{number}"})
        return answer.status_code, answer.json()["id"]

    for number in range(10):
        answers = eight.race(*[lambda n=number: make(n)] * 8)
        statuses, ids = zip(*answers, strict=True)
        assert sorted(statuses) == [200] * 7 + [201]
        assert len(set(ids)) == 1
    assert Task.objects.count() == 10
    assert IdempotencyKey.objects.count() == 10


def test_when_the_first_of_two_fails_the_second_does_it(eight: Racers) -> None:
    client = key_client("operator")

    def make(*, fails: bool) -> int:
        own = like(client)
        body = {"name": "car", "fails": fails}
        return own.post("/toys", body, headers={"Idempotency-Key": "k"}, format="json").status_code

    for _ in range(10):
        Task.objects.all().delete()
        IdempotencyKey.objects.all().delete()
        failed, made = eight.race(lambda: make(fails=True), lambda: make(fails=False))
        # 409 either for its own reason or since the key belongs to the other body.
        assert (failed, made) == (409, 201)
        assert Task.objects.count() == 1
