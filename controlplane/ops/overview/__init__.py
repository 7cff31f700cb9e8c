"""The start page: what is wrong now, and how the work goes."""
