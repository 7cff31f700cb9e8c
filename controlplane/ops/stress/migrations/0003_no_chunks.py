"""Chunks of tasks, from before a stress test was a batch, are not read any more.

The table stays, empty, for dispatchers of the version before, which look into it. It refers to no
test, so that tests can be deleted and truncated without it.
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
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("StressChunk")]
        ),
    ]
