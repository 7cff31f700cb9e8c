"""The index of a queue's failures.

Without it, the view of one queue read the 50,000 newest failures of all of them: 225 ms.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks_app', '0007_list_indexes'),
        ('workspaces', '0002_default_and_audit'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('state', 'FAILED')), fields=['queue', 'id'], name='task_failed'),
        ),
    ]
