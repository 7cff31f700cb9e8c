"""A workflow over a large text: split, count in parallel, merge, decide, report."""
