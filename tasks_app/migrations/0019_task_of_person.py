"""The index of what people submitted.

Without it, the tasks of one person among 200,000 of a key took a look at all of them.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('tasks_app', '0018_submitted_by'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='task',
            index=models.Index(condition=models.Q(('submitted_by__startswith', 'user:')), fields=['workspace', 'submitted_by', 'id'], name='task_of_person'),
        ),
    ]
