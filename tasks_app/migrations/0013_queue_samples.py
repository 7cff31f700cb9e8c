"""Samples of the queues, one a minute: what waited and ran an hour ago is known from nothing else."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks_app', '0012_no_index_of_tags'),
    ]

    operations = [
        migrations.CreateModel(
            name='MinuteSample',
            fields=[
                ('at', models.DateTimeField(primary_key=True, serialize=False)),
                ('nodes', models.IntegerField()),
                ('slots', models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='QueueSample',
            fields=[
                ('pk', models.CompositePrimaryKey('queue_id', 'at', blank=True, editable=False, primary_key=True, serialize=False)),
                ('queue_id', models.IntegerField()),
                ('at', models.DateTimeField()),
                ('waiting', models.BigIntegerField()),
                ('running', models.BigIntegerField()),
                ('oldest_wait_ms', models.BigIntegerField(null=True)),
            ],
            options={
                'indexes': [django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['at'], name='queue_sample_by_time')],
            },
        ),
    ]
