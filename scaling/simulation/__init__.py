"""Strategies played against traces of arrivals, and a bound that nobody can beat.

Standard library only. What is played is what the control loop would run: the same strategies, the
same inputs, the same forecasts.
"""
