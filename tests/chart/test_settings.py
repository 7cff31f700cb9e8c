"""The settings start with what a pod is given, as production checks it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.helm.tools import ROOT
from tests.chart.rendering import environment, objects, pods

SECRETS = {
    "DJANGO_SECRET_KEY": "Xq4Zt7Lm2Vb9Wc5Rn8Kd3Hs6Jf1Gp0Ya4Tu7Ie2Ow5Qb9Nx8Mz3",
    "DATABASE_PASSWORD": "a-password-1",
    "DATABASE_URL": "postgres://someone:a-password-1@operator.example.com:5432/theirs",
    "REDIS_PASSWORD": "a-password-2",
    "METRICS_TOKEN": "Rd8Kq2Zt6Lm4Vb9Wc7Xn1Hs5Jf3Gp0Ya",
}
SHOW = """
import json
from django.conf import settings
database = settings.DATABASES["default"]
print(json.dumps({
    "host": database["HOST"], "port": database["PORT"], "password": database["PASSWORD"],
    "sslmode": database["OPTIONS"].get("sslmode"), "hosts": settings.ALLOWED_HOSTS,
    "queues": settings.TASKPLANE["WORKER_QUEUES"], "redirects": settings.SECURE_SSL_REDIRECT,
    "level": settings.LOG_LEVEL, "redis": settings.REDIS_URL,
}))
"""


def start(name: str, component: str, folder: Path) -> dict[str, Any]:
    """The settings of a pod, in a process of its own."""
    (pod,) = [pod for pod in pods(objects(name)) if pod.name == f"taskplane-{component}"]
    variables = environment(objects(name), pod.spec["containers"][0])
    mounted = folder / "secrets"
    mounted.mkdir()
    for secret, value in SECRETS.items():
        (mounted / secret).write_text(value)
    given = {
        key: value.replace("/run/secrets/taskplane", str(mounted)).replace("$(POD_IP)", "10.1.2.3")
        for key, value in variables.items()
        if isinstance(value, str)
    }
    empty = folder / "empty.env"
    empty.write_text("")
    env = {"PATH": os.environ["PATH"], "TASKPLANE_DOTENV": str(empty), **given}
    env |= {"DJANGO_SETTINGS_MODULE": "controlplane.settings", "TASKPLANE_HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_app_with_tls(tmp_path: Path) -> None:
    found = start("tls", "app", tmp_path)
    assert (found["host"], found["port"], found["sslmode"]) == (
        "pg.example.com",
        "5433",
        "verify-full",
    )
    assert found["password"] == "a-password-1"
    assert found["redirects"] is True
    assert {"tasks.example.com", "localhost", "10.1.2.3"} <= set(found["hosts"])


def test_a_worker_of_a_set(tmp_path: Path) -> None:
    found = start("ha", "worker-reports", tmp_path)
    assert found["host"] == "operator.example.com"
    assert found["queues"] == ["reports"]
    assert found["level"] == "WARNING"
    assert found["redis"] == "redis://:a-password-2@valkey.databases.svc:6379/0"
