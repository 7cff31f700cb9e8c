"""Chunks of tasks, from before a stress test was a batch, refer to no test any more, so that tests
can be deleted and truncated without them.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stress", "0002_batches")]
    operations = [
        migrations.AlterField(
            "stresschunk",
            "test",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="chunks",
                to="stress.stresstest",
            ),
        ),
    ]
