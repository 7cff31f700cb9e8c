"""Who submitted a task.

The column may be null and has no default, so that it is added in a moment.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks_app', '0017_declarations'),
    ]

    operations = [
        migrations.AddField(
            model_name='task',
            name='submitted_by',
            field=models.CharField(max_length=220, null=True),
        ),
    ]
