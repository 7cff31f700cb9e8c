"""Times come from Postgres as Django's own loader reads them, and in UTC whatever the session's
time zone is."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection
from django.db.backends.postgresql.psycopg_any import register_tzloader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import Format

from controlplane.core.postgres.times import UtcLoader

pytestmark = pytest.mark.django_db
_TIMESTAMPTZ = 1184  # its number in Postgres
# In every time zone these are times that Python has.
_times = st.datetimes(
    datetime.fromisoformat("0001-01-02"),
    datetime.fromisoformat("9999-12-30"),
    timezones=st.just(UTC),
)
_many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)


def read(text: str, *, as_django: bool = False) -> datetime:
    with connection.cursor() as cursor:
        if as_django:
            register_tzloader(UTC, cursor.cursor)
        loader = cursor.adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)
        assert (loader is UtcLoader) is not as_django
        cursor.execute("SELECT %s::timestamptz", [text])
        (found,) = cursor.fetchone()
    assert isinstance(found, datetime)
    return found


@given(moment=_times)
@_many
def test_a_time_is_read_as_django_reads_it(db: None, moment: datetime) -> None:
    found = read(moment.isoformat())
    assert found == read(moment.isoformat(), as_django=True) == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "Europe/Dublin"])
@given(moment=_times)
@_many
def test_the_time_zone_of_the_session_does_not_matter(
    db: None, zone: str, moment: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
    try:
        found = read(moment.isoformat())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('TimeZone', 'UTC', true)")
    assert (found, found.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "text",
    ["infinity", "0044-03-15 12:00+00 BC", "10000-01-01 00:00+00", "9999-12-31 23:59:59-05"],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_what_python_has_no_time_for_is_an_error_of_the_data(text: str, zone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
    with pytest.raises(DataError, match="not a time from the year 1 to 9999"):
        read(text)
