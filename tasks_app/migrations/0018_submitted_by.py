"""Who submitted a task, and the index of what people submitted.

The column may be null and has no default, so that it is added in a moment. Without the index, the
tasks of one person among 200,000 of a key took a look at all of them.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('tasks_app', '0017_declarations'),
    ]

    operations = [
        migrations.AddField(
            model_name='task',
            name='submitted_by',
            field=models.CharField(max_length=220, null=True),
        ),
        AddIndexConcurrently(
            model_name='task',
            index=models.Index(condition=models.Q(('submitted_by__startswith', 'user:')), fields=['workspace', 'submitted_by', 'id'], name='task_of_person'),
        ),
    ]
