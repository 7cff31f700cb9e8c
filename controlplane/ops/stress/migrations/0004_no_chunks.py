"""Chunks of tasks, from before a stress test was a batch, are not read any more.

The table stays, empty, for dispatchers of the version before, which look into it.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("stress", "0003_chunks_without_tests")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("StressChunk")]
        ),
    ]
