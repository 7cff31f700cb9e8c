"""What the API takes and shows of workflows, their steps and their runs."""
