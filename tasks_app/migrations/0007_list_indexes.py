"""The indexes of the sorts and filters of the list of tasks."""

import datetime

import django.contrib.postgres.indexes
import django.db.models.expressions
import django.db.models.fields.json
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks_app', '0006_task_counts'),
        ('workspaces', '0002_default_and_audit'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='task_finished'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.F('workspace'), django.db.models.expressions.CombinedExpression(models.F('finished_at'), '-', models.F('started_at')), models.F('id'), condition=models.Q(('started_at__isnull', False), ('state__in', ['COMPLETED', 'FAILED']), django.db.models.lookups.GreaterThanOrEqual(django.db.models.expressions.CombinedExpression(models.F('finished_at'), '-', models.F('started_at')), models.Value(datetime.timedelta(microseconds=10000), output_field=models.DurationField()))), name='task_duration'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.F('workspace'), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('class', 'error'), 200), models.F('id'), condition=models.Q(('error__isnull', False)), name='task_error_class'),
        ),
        migrations.AddIndex(
            model_name='taskattempt',
            index=django.contrib.postgres.indexes.BrinIndex(django.contrib.postgres.indexes.OpClass(models.F('node_id'), name='int4_bloom_ops'), autosummarize=True, name='attempt_of_node'),
        ),
    ]
