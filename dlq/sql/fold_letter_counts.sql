-- Add up to %(limit)s noted changes to the counts. Safe to run twice at once: each change is taken
-- by one of them, and both lock the counts in the same order. A row for each group that has
-- changed, with its deaths and the newest of them, and one without a group: the number of changes.
WITH taken AS (
    DELETE FROM dlq_lettercountchange
    WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM dlq_lettercountchange LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING workspace_id, kind, name, type, letters, latest
), folded AS (
    INSERT INTO dlq_lettercount AS c (workspace_id, kind, name, type, letters, latest)
    SELECT workspace_id, kind, name, type, sum(letters), max(latest)
    FROM taken GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (workspace_id, kind, name, type) DO UPDATE
    SET letters = c.letters + excluded.letters, latest = greatest(c.latest, excluded.latest)
)
(SELECT NULL::uuid, NULL, NULL, count(*), NULL::timestamptz FROM taken)
UNION ALL
(SELECT workspace_id, name, type, coalesce(sum(letters) FILTER (WHERE letters > 0), 0)::bigint,
    max(latest) FILTER (WHERE letters > 0)
FROM taken WHERE kind = 'GROUP_TYPE' GROUP BY 1, 2, 3)
