"""Migrations: no statement of theirs is cut off."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate

pytestmark = pytest.mark.django_db


def shown() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()[0]


def test_a_migration_has_no_time_limit() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '30s'")
    pre_migrate.send(
        sender=apps.get_app_config("embedded"), app_config=None, using="default", verbosity=0
    )
    assert shown() == "0"


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
