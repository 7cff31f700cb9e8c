"""The index of resolutions: how many letters were open an hour ago."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dlq', '0004_count_letters'),
        ('workspaces', '0002_default_and_audit'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(condition=models.Q(('resolved_at__isnull', False)), fields=['workspace', 'resolved_at'], name='letter_resolved'),
        ),
    ]
