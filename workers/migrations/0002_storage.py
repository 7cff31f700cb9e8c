"""Node rows are few and rewritten at every heartbeat."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workers", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE workers_node SET (fillfactor = 50,"
            " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200)",
            "ALTER TABLE workers_node RESET (fillfactor,"
            " autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)",
        )
    ]
