"""The smallest Django project that keeps Celery's results in Postgres."""

import os

from controlplane.settings.parts.database import parse_database_url

SECRET_KEY = "only-for-the-benchmarks"  # noqa: S105 - it protects nothing
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_results"]
DATABASES = {
    "default": {
        **parse_database_url(os.environ["BENCH_DATABASE_URL"]),
        # Django's default (0) opens a connection for every task; "keep" never closes one.
        "CONN_MAX_AGE": None if os.environ["BENCH_CONNECTIONS"] == "keep" else 0,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
