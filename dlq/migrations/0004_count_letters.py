"""Count the letters of before. One statement sees each letter together with its counts, so letters
may be written while it runs."""

from django.db import migrations

_FORWARD = """
INSERT INTO dlq_lettercountchange (workspace_id, kind, name, type, letters, latest)
SELECT workspace_id, kind, name, type, sum(letters), max(latest)
FROM (
    SELECT l.workspace_id, c.kind, c.name, c.type, 1 AS letters, l.died_at AS latest
    FROM dlq_deadletter l CROSS JOIN LATERAL dlq_counts_of(l.status, l.category, l.type,
        l.fingerprint, l.died_at) c
    UNION ALL
    SELECT workspace_id, kind, name, type, -letters, latest FROM dlq_lettercounts
) both_sides
GROUP BY 1, 2, 3, 4
HAVING sum(letters) <> 0;
"""


class Migration(migrations.Migration):
    dependencies = [("dlq", "0003_letter_counts")]
    operations = [migrations.RunSQL(_FORWARD, migrations.RunSQL.noop)]
