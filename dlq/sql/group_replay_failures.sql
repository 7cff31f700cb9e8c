-- The newest letters of a replay's tasks that failed again, by what the failures have in common.
WITH died AS (
    SELECT DISTINCT ON (r.task_id) l.id, l.fingerprint, l.category, l.error
    FROM dlq_replaytask r
    JOIN dlq_deadletter l ON l.task_id = r.task_id
    WHERE r.replay_id = %(replay)s AND r.outcome NOT IN ('', 'COMPLETED') AND l.id > r.letter_id
    ORDER BY r.task_id, l.id DESC
), grouped AS (
    SELECT fingerprint, count(*) AS size, (array_agg(id ORDER BY id DESC))[1] AS letter_id
    FROM died
    GROUP BY fingerprint
    ORDER BY count(*) DESC
    LIMIT %(limit)s
)
SELECT g.fingerprint, d.category, d.error->>'class', d.error->>'message', g.size, g.letter_id
FROM grouped g
JOIN died d ON d.id = g.letter_id
ORDER BY g.size DESC, g.letter_id DESC
