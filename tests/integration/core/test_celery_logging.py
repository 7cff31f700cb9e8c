"""What plain Celery tasks log, in a process that Celery has set up as a worker does."""

import os
import subprocess
import sys

from tests.architecture.test_conventions import ROOT
from tests.hostiletext import HOSTILE, find_dangers

SCRIPT = """
import sys
import django
django.setup()
from celery.utils.log import get_task_logger
from controlplane.celery import app
app.log.setup(loglevel="INFO")
get_task_logger("tests.tasks").warning("A name: %s", sys.argv[1])
"""


def test_a_task_logger_forges_no_line() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, HOSTILE],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "controlplane.settings"},
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    (line,) = [each for each in ran.stderr.split("\n") if "A name:" in each]
    assert " WARNING " in line
    assert find_dangers(ran.stderr) == []
