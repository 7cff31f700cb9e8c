"""Counts of the tasks that exist, the indexes of the lists' new sorts and filters, and what the
roll-ups need to speak of tasks beside attempts."""

import django.db.models.expressions
import django.db.models.fields.json
import django.db.models.functions.text
from django.db import migrations, models


_FORWARD = """
ALTER TABLE tasks_app_taskcountchange SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0);
ALTER TABLE tasks_app_taskcount SET (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
INSERT INTO tasks_app_taskcount (workspace_id, queue_id, type, existing, completed, failed, cancelled)
SELECT workspace_id, queue_id, type, count(*), count(*) FILTER (WHERE state = 'COMPLETED'),
    count(*) FILTER (WHERE state = 'FAILED'), count(*) FILTER (WHERE state = 'CANCELLED')
FROM tasks_app_task GROUP BY 1, 2, 3;
UPDATE tasks_app_rollup SET failed_tasks = failed - retried WHERE failed > retried;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('tasks_app', '0005_rollups'),
        ('workspaces', '0002_default_and_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaskCount',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'queue_id', 'type', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField()),
                ('queue_id', models.IntegerField()),
                ('type', models.CharField(max_length=200)),
                ('existing', models.BigIntegerField()),
                ('completed', models.BigIntegerField()),
                ('failed', models.BigIntegerField()),
                ('cancelled', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='TaskCountChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField()),
                ('queue_id', models.IntegerField()),
                ('type', models.CharField(max_length=200)),
                ('existing', models.IntegerField()),
                ('completed', models.IntegerField()),
                ('failed', models.IntegerField()),
                ('cancelled', models.IntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='rollup',
            name='failed_tasks',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='rollup',
            name='longest_run_ms',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='rollup',
            name='longest_wait_ms',
            field=models.FloatField(null=True),
        ),
        # With the tables, so that no task is counted twice or not at all.
        migrations.RunSQL(_FORWARD, migrations.RunSQL.noop),
    ]
