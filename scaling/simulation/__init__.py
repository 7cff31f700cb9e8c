"""Simulates strategies on traces of arrivals, and computes the cost of each. Standard library only.
It runs the same strategies, inputs and forecasts as the control loop.
"""
