-- The share of completed firings among the newest that completed or failed, per schedule.
SELECT schedule.id, avg((newest.state = 'COMPLETED')::int)::float8
FROM unnest(%(ids)s::uuid[]) AS schedule (id)
CROSS JOIN LATERAL (
    SELECT firing.state
    FROM schedules_firing AS firing
    WHERE firing.schedule_id = schedule.id AND firing.state IN ('COMPLETED', 'FAILED')
    ORDER BY firing.scheduled_for DESC, firing.id DESC
    LIMIT %(newest)s
) AS newest
GROUP BY schedule.id
