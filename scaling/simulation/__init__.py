"""Strategies played against traces of arrivals, and the cost of each.

Standard library only. What is played is what the control loop would run: the same strategies, the
same inputs, the same forecasts.
"""
