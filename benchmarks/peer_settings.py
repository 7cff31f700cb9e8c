"""The smallest Django project that keeps Celery's results in Postgres."""

import os

from controlplane.settings.parts.database import parse_database_url

SECRET_KEY = "only-for-the-benchmarks"  # noqa: S105 - it protects nothing
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_results"]
DATABASES = {
    "default": {
        **parse_database_url(os.environ["BENCH_DATABASE_URL"]),
        # With the default (0) every task opens a connection; see peers.py for the other half.
        "CONN_MAX_AGE": None if os.environ["BENCH_CONNECTIONS"] == "keep" else 0,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
