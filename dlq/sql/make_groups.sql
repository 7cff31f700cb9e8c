-- The rows of groups that the trigger could not make, from their oldest open letters.
SELECT dlq_make_group(letter.id)
FROM unnest(%(workspaces)s::uuid[], %(fingerprints)s::text[], %(types)s::text[])
    AS touched (workspace_id, fingerprint, type)
CROSS JOIN LATERAL (
    SELECT l.id FROM dlq_deadletter l
    WHERE l.workspace_id = touched.workspace_id AND l.status = 'OPEN'
        AND l.fingerprint = touched.fingerprint AND l.type = touched.type
    ORDER BY l.id LIMIT 1
) letter
WHERE NOT EXISTS (
    SELECT FROM dlq_lettergroup g
    WHERE g.workspace_id = touched.workspace_id AND g.fingerprint = touched.fingerprint
        AND g.type = touched.type)
