-- The open letters of a workspace by what their failures have in common, with the newest of each.
WITH newest AS MATERIALIZED (
    SELECT id, fingerprint, type, died_at
    FROM dlq_deadletter
    WHERE workspace_id = %(workspace)s AND status = 'OPEN'
    ORDER BY id DESC
    LIMIT %(counted)s
), grouped AS (
    -- An id is a UUIDv7, so the greatest is the newest; there is no max(uuid).
    SELECT fingerprint, count(*) AS size, min(died_at) AS first_seen, max(died_at) AS last_seen,
        (array_agg(DISTINCT type))[:%(types)s] AS types,
        (array_agg(id ORDER BY id DESC))[1] AS letter_id
    FROM newest
    GROUP BY fingerprint
    ORDER BY count(*) DESC, max(died_at) DESC
    LIMIT %(limit)s
)
SELECT g.fingerprint, l.category, l.error->>'class', l.error->>'message', g.types,
    g.size, g.first_seen, g.last_seen, g.letter_id
FROM grouped g
JOIN dlq_deadletter l ON l.id = g.letter_id
ORDER BY g.size DESC, g.last_seen DESC
