UPDATE operations_operationitem item
SET outcome = done.outcome, detail = done.detail, before = done.before, at = %(at)s
FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[], %(details)s::text[], %(befores)s::text[])
    AS done (id, outcome, detail, before)
WHERE item.id = done.id AND item.outcome = ''
