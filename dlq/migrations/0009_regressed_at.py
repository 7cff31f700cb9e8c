"""When a group was reopened the last time, which stays when somebody decides about it.

Processes of the version before reopen groups without it: the time of their state counts.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dlq", "0008_releases")]
    operations = [
        migrations.AddField(
            model_name="lettergroup",
            name="regressed_at",
            field=models.DateTimeField(null=True),
        ),
    ]
