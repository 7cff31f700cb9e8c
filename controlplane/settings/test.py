"""The test suite: real servers, private to the tests; see tests/servers.py, which names them."""

import os

from controlplane.settings.base import *

SECRET_KEY = "only-for-tests-and-never-reachable-from-another-machine"
# Hashing a password slowly is the point in production and only a delay here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
if "TASKPLANE_TEST_DATABASE" not in os.environ:
    # A test's transaction is idle while its first request imports every view: on a busy machine for
    # longer than an installation allows.
    for _database in DATABASES.values():
        _database["OPTIONS"]["options"] += " -c idle_in_transaction_session_timeout=120000"

if os.environ.get("TASKPLANE_TEST_DATABASE"):
    # A process that a test started: it works in the database that the test made.
    for _alias in DATABASES.values():
        _alias["NAME"] = os.environ["TASKPLANE_TEST_DATABASE"]
else:
    # Every client of a test makes the middlewares for itself: none looks at all static files first.
    WHITENOISE_AUTOREFRESH = True
