"""Reads of the overview: bounded statements over figures that are already summed up."""
