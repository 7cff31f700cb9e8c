-- The firing with the greatest nominal time of each schedule.
SELECT newest.*
FROM unnest(%(ids)s::uuid[]) AS schedule (id)
CROSS JOIN LATERAL (
    SELECT firing.*
    FROM schedules_firing AS firing
    WHERE firing.schedule_id = schedule.id
    ORDER BY firing.scheduled_for DESC, firing.id DESC
    LIMIT 1
) AS newest
