"""Why a queue is paused."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks_app', '0013_queue_samples'),
    ]

    operations = [
        migrations.AddField(
            model_name='queue',
            name='pause_reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=500),
        ),
    ]
