"""Bulk operations: one verb on many objects, carried out by the dispatcher in small chunks."""
