"""The dispatcher: one file per sweep, each a bounded, guarded batch that is safe to run twice."""
