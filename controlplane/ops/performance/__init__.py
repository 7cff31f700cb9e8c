"""The page that shows how the work of a workspace went over a span of time."""
