"""Connections, and what is on them."""

import concurrent.futures
import os
import threading
import time
from typing import Any

from django.db import close_old_connections, connection, connections, transaction

from tests.isolation.cases import TABLE, case, keep, sql


@case
def autocommit_off() -> None:
    transaction.set_autocommit(False)
    sql("SELECT 1")


@case
def autocommit_off_unused() -> None:
    transaction.set_autocommit(False)


@case
def raw_begin() -> None:
    sql("BEGIN")


@case
def failed_transaction() -> None:
    sql("BEGIN")
    try:
        sql("SELECT 1 / 0")
    except Exception:  # noqa: BLE001 - the transaction is what matters
        keep.append("failed")


@case
def open_atomic() -> None:
    block = transaction.atomic()
    block.__enter__()
    keep.append(block)
    sql("SELECT 1")


@case
def closed_inside_atomic() -> None:
    block = transaction.atomic()
    block.__enter__()
    keep.append(block)
    connection.close()


@case
def closed_driver_connection() -> None:
    sql("SELECT 1")
    connection.connection.close()


@case
def closed_socket() -> None:
    sql("SELECT 1")
    os.close(connection.connection.pgconn.socket)


@case
def terminated_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with connections["default"].copy().cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])


@case
def close_all_connections() -> None:
    connections.close_all()
    close_old_connections()


@case
def statement_timeout() -> None:
    sql("SET statement_timeout = 1")


@case
def set_config_function() -> None:
    sql("SELECT set_config('lock_timeout', '1', false), set_config('search_path', '', false)")


@case
def session_read_only() -> None:
    sql("SET default_transaction_read_only = on")


@case
def session_time_zone() -> None:
    sql("SET TIME ZONE 'Asia/Kolkata'")


@case
def advisory_lock() -> None:
    sql("SELECT pg_advisory_lock(4711)")


@case
def temporary_table() -> None:
    sql(f"CREATE TEMPORARY TABLE {TABLE} (task uuid)")


@case
def prepared_statement() -> None:
    sql("PREPARE left_over AS SELECT 1")


@case
def held_cursor() -> None:
    sql("DECLARE left_over CURSOR WITH HOLD FOR SELECT 1")


@case
def listening() -> None:
    sql("LISTEN left_over")


@case
def driver_options() -> None:
    sql("SELECT 1")
    connection.connection.read_only = True


@case
def driver_statement() -> None:
    sql("SELECT 1")
    connection.connection.execute("SET statement_timeout = 1")


@case
def execute_wrapper() -> None:
    def refuse(*_: Any) -> None:
        raise ValueError("left over")

    sql("SELECT 1")
    connection.execute_wrappers.append(refuse)


@case
def thread_in_a_transaction() -> None:
    ready = threading.Event()

    def hold() -> None:
        sql("BEGIN")
        ready.set()
        time.sleep(3)
        connections.close_all()

    threading.Thread(target=hold, daemon=True).start()
    ready.wait(10)


@case
def pool_of_threads() -> None:
    pool = concurrent.futures.ThreadPoolExecutor(4)
    list(pool.map(lambda _: sql("SELECT pg_sleep(0.02)"), range(8)))
    keep.append(pool)


@case
def database_settings() -> None:
    connection.settings_dict["AUTOCOMMIT"] = False
    connection.close()


@case
def database_options() -> None:
    connection.settings_dict["OPTIONS"]["options"] = "-c default_transaction_read_only=on"
    connection.close()


def _on_every_alias(text: str) -> None:
    for each in connections.all():
        with each.cursor() as cursor:
            cursor.execute(text)


@case
def every_alias_begin() -> None:
    _on_every_alias("BEGIN")


@case
def every_alias_read_only() -> None:
    _on_every_alias("SET default_transaction_read_only = on")


@case
def every_alias_autocommit() -> None:
    for each in connections.all():
        each.set_autocommit(False)


@case
def copied_connections() -> None:
    for _ in range(6):
        copied = connections["default"].copy()
        copied.ensure_connection()
        keep.append(copied)


@case
def ended_threads() -> None:
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: sql("SELECT pg_sleep(0.02)"), range(24)))
