-- Add up to %(limit)s noted changes to the counts. Safe to run twice at once: each change is taken
-- by one of them, and both lock the counts in the same order.
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
SELECT count(*) FROM taken
