"""Bodies of requests, as the server takes or refuses them before anything else sees them."""

import json

import httpx
import pytest

from tests.clients import key_client
from tests.rawhttp import RawClient, chunk
from tests.standing import App, StandingEngine

JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
BAD_KEY = f"Authorization: Bearer tp_abcdefgh_{'x' * 43}"


@pytest.fixture
def key(running: StandingEngine) -> str:
    return f"Authorization: {key_client('operator').defaults['HTTP_AUTHORIZATION']}"


def tasks_of(size: int) -> tuple[int, bytes]:
    """A bulk call of about this many bytes, and how many tasks it has."""
    task = {"type": "test-echo", "payload": {"text": "x" * 900}}
    count = size // len(json.dumps(task))
    return count, json.dumps({"tasks": [task] * count}).encode()


def test_a_stranger_is_refused_before_the_body_ends(app: App) -> None:
    for credentials in ([], [BAD_KEY], ["Cookie: sessionid=nonsense"]):
        with RawClient(app.url) as client:
            client.send("POST /tasks", JSON, CHUNKED, *credentials, body=chunk(b"x" * 70_000))
            status, problem = client.read_problem()
            assert status == 401
            assert "65536 bytes" in problem["detail"]
            assert problem["requestId"]


def test_a_stranger_is_refused_before_a_large_body_begins(app: App) -> None:
    for kind in ("application/json", "multipart/form-data; boundary=b"):
        with RawClient(app.url) as client:
            client.send("POST /tasks", f"Content-Type: {kind}", "Content-Length: 900000")
            assert client.read_problem()[0] == 401


def test_a_body_over_the_limit_is_refused_before_it_begins(app: App, key: str) -> None:
    with RawClient(app.url) as client:
        client.send("POST /tasks", JSON, key, "Content-Length: 600000000", "Expect: 100-continue")
        status, problem = client.read_problem()
        assert status == 413
        assert problem["detail"] == "The body has more than 1000000 bytes, which is the limit."


def test_a_body_that_grows_over_the_limit_is_refused_before_it_ends(app: App, key: str) -> None:
    with RawClient(app.url) as client:
        client.send("POST /tasks", JSON, key, CHUNKED)
        for _ in range(17):
            client.socket.sendall(chunk(b"x" * 60_000))
        status, problem = client.read_problem()
        assert status == 413
        assert "1000000 bytes" in problem["detail"]


def test_a_client_that_sends_on_still_reads_its_refusal(app: App) -> None:
    with RawClient(app.url) as client:
        client.send("POST /tasks", JSON, CHUNKED)
        for _ in range(300):
            client.socket.sendall(chunk(b"x" * 65_000))
        assert client.read_problem()[0] == 401


def test_a_body_within_the_limit_arrives_whole(app: App, key: str) -> None:
    headers = {"Authorization": key.partition(": ")[2], "Content-Type": "application/json"}
    for size in (1_000, 60_000, 65_500, 70_000, 200_000):
        count, body = tasks_of(size)
        pieces = [body[at : at + 30_000] for at in range(0, len(body), 30_000)]
        for content in (body, iter(pieces)):  # with a Content-Length, and in chunks
            answer = httpx.post(f"{app.url}/tasks/bulk", content=content, headers=headers)
            assert answer.status_code == 201, answer.text
            assert answer.json()["created"] == count


def test_a_large_body_is_asked_for_when_its_key_is_known(app: App, key: str) -> None:
    _, body = tasks_of(100_000)
    with RawClient(app.url) as client:
        client.send(
            "POST /tasks/bulk", JSON, key, f"Content-Length: {len(body)}", "Expect: 100-continue"
        )
        assert client.read_head()[0] == 100
        client.socket.sendall(body)
        assert client.read_head()[0] == 201


def test_bytes_beyond_the_announced_length_are_no_part_of_the_body(app: App, key: str) -> None:
    body = b'{"type": "noop", "payload": {}}'
    with RawClient(app.url) as client:
        length = f"Content-Length: {len(body)}"
        client.send("POST /tasks", JSON, key, length, body=body + b"x" * 100_000)
        answer, _ = client.read_to_end()
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert answer.count(b"HTTP/1.1 2") == 1


def test_a_small_body_of_a_stranger_gets_the_answer_of_the_api(app: App) -> None:
    with RawClient(app.url) as client:
        client.send("POST /tasks", JSON, "Content-Length: 2", "Connection: close", body=b"{}")
        answer, _ = client.read_to_end()
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Send an API key" in answer


def test_a_compressed_body_is_refused(app: App, key: str) -> None:
    with RawClient(app.url) as client:
        client.send(
            "POST /tasks", JSON, key, "Content-Encoding: gzip", "Content-Length: 2", body=b"xx"
        )
        status, head = client.read_head()
        assert status == 415
        assert "application/problem+json" in head
