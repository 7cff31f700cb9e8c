"""How Postgres stores the hot tables.

Rows of `task` are rewritten two to four times: room on the page keeps the new version near, and an
early autovacuum keeps the queue's partial indexes short. Attempts and logs are only appended.
"""

from django.db import migrations

_FORWARD = """
ALTER TABLE tasks_app_task SET (
    fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
ALTER TABLE tasks_app_taskattempt SET (
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE tasks_app_tasklog SET (autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE tasks_app_queue SET (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
"""
_BACKWARD = """
ALTER TABLE tasks_app_task RESET (
    fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_delay);
ALTER TABLE tasks_app_taskattempt RESET (
    autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE tasks_app_tasklog RESET (autovacuum_vacuum_insert_scale_factor);
ALTER TABLE tasks_app_queue RESET (
    fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
"""


class Migration(migrations.Migration):
    dependencies = [("tasks_app", "0001_initial")]

    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]
