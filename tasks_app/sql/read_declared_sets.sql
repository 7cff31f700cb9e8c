-- The declarations of sets, each set with its types.
SELECT s.digest, d.type, d.digest, d.content::text
FROM tasks_app_declaredset s
JOIN tasks_app_typedeclaration d ON d.id = ANY(s.members)
WHERE s.digest = ANY(%(digests)s::text[])
