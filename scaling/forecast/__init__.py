"""Arrivals of the next minutes, from those of the last days. Standard library only."""

from scaling.forecast.forecaster import Forecaster, History

__all__ = ["Forecaster", "History"]
