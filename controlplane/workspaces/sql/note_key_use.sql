-- At most once a minute for all processes together. Losing it in a crash would harm nobody, so the
-- commit does not wait for the disk; a row that somebody edits is passed over.
UPDATE workspaces_apikey AS k
   SET last_used_at = clock_timestamp()
  FROM (SELECT set_config('synchronous_commit', 'off', true)) AS fast,
       (SELECT id
          FROM workspaces_apikey
         WHERE id = %(key)s
           AND (last_used_at IS NULL
                OR last_used_at < clock_timestamp() - make_interval(secs => %(seconds)s))
           FOR UPDATE SKIP LOCKED) AS due
 WHERE k.id = due.id
