-- The newest open letter of each of these groups that has one.
SELECT k.fingerprint, k.type, newest.id, newest.name, newest.error::text
FROM unnest(%(fingerprints)s::text[], %(types)s::text[]) AS k (fingerprint, type)
CROSS JOIN LATERAL (
    SELECT l.id, l.name, l.error FROM dlq_deadletter l
    WHERE l.workspace_id = %(workspace)s AND l.status = 'OPEN'
        AND l.fingerprint >= k.fingerprint AND l.fingerprint <= k.fingerprint AND l.type = k.type
    ORDER BY l.fingerprint DESC, l.id DESC LIMIT 1
) newest
