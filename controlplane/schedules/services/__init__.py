"""Writes to schedules and their firings, one verb per use case."""

from controlplane.schedules.services.declared import make_sync, sync_code_schedules
from controlplane.schedules.services.definitions import (
    check_new_schedule,
    create_schedule,
    delete_schedule,
    update_schedule,
)
from controlplane.schedules.services.firing import fire_due
from controlplane.schedules.services.manual import trigger_schedule
from controlplane.schedules.services.queueing import start_queued
from controlplane.schedules.services.removal import prune_firings, settle_removal
from controlplane.schedules.services.repetition import trigger_once
from controlplane.schedules.services.settling import settle_firings
from controlplane.schedules.services.syncing import sync_beat

__all__ = [
    "check_new_schedule",
    "create_schedule",
    "delete_schedule",
    "fire_due",
    "make_sync",
    "prune_firings",
    "settle_firings",
    "settle_removal",
    "start_queued",
    "sync_beat",
    "sync_code_schedules",
    "trigger_once",
    "trigger_schedule",
    "update_schedule",
]
