"""Groups of letters, made by the trigger that counts letters, and the groups of the letters of before.

A group must not make one death wait for another: many tasks die of one failure at once. So its row
is only inserted, by the first of them that gets the advisory lock of its key. If that one is rolled
back, the dispatcher makes the row when it folds the counts.
"""

from django.db import migrations

_MAKE = """
CREATE FUNCTION dlq_make_group(letter uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dlq_lettergroup (id, workspace_id, fingerprint, type, category, error_class, message,
        letters, deaths, first_seen, last_seen, first_version, last_version, state, state_at,
        state_by, state_reason, version, ticket, regressed_versions)
    SELECT id, workspace_id, fingerprint, type, category, left(coalesce(error->>'class', ''), 200),
        left(coalesce(error->>'message', ''), 2000), 0, 0, died_at, died_at, worker_version,
        worker_version, 'OPEN', died_at, '', '', 0, '', '{}'
    FROM dlq_deadletter WHERE id = letter
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION dlq_make_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dlq_make_group(fresh.id)
    FROM (
        SELECT DISTINCT ON (n.workspace_id, n.fingerprint, n.type) n.id,
            hashtextextended(concat(n.workspace_id, n.fingerprint, n.type), 0) AS key
        FROM new_letters n
        WHERE NOT EXISTS (
            SELECT FROM dlq_lettergroup g
            WHERE g.workspace_id = n.workspace_id AND g.fingerprint = n.fingerprint
                AND g.type = n.type)
        ORDER BY n.workspace_id, n.fingerprint, n.type, n.id
        OFFSET 0
    ) fresh
    WHERE pg_try_advisory_xact_lock(fresh.key);
    RETURN NULL;
END
$$;

CREATE TRIGGER dlq_letters_grouped AFTER INSERT ON dlq_deadletter
    REFERENCING NEW TABLE AS new_letters
    FOR EACH STATEMENT EXECUTE FUNCTION dlq_make_groups();
"""
_FILL = """
SELECT dlq_make_group(id) FROM (
    SELECT DISTINCT ON (workspace_id, fingerprint, type) id FROM dlq_deadletter
    ORDER BY workspace_id, fingerprint, type, id OFFSET 0
) letter;
-- Without what waits to be counted, which is added when it is.
UPDATE dlq_lettergroup g
SET deaths = d.deaths - (
        SELECT coalesce(sum(c.letters) FILTER (WHERE c.letters > 0), 0)
        FROM dlq_lettercountchange c
        WHERE c.workspace_id = g.workspace_id AND c.kind = 'GROUP_TYPE'
            AND c.name = g.fingerprint AND c.type = g.type),
    last_seen = d.last_seen,
    letters = coalesce((
        SELECT c.letters FROM dlq_lettercount c
        WHERE c.workspace_id = g.workspace_id AND c.kind = 'GROUP_TYPE'
            AND c.name = g.fingerprint AND c.type = g.type), 0)
FROM (
    SELECT workspace_id, fingerprint, type, count(*) AS deaths, max(died_at) AS last_seen
    FROM dlq_deadletter GROUP BY 1, 2, 3
) d
WHERE d.workspace_id = g.workspace_id AND d.fingerprint = g.fingerprint AND d.type = g.type;
"""
_DROP = """
DROP TRIGGER dlq_letters_grouped ON dlq_deadletter;
DROP FUNCTION dlq_make_groups();
DROP FUNCTION dlq_make_group(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("dlq", "0006_groups")]
    operations = [
        migrations.RunSQL(_MAKE, _DROP),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
