"""Arrivals of the next minutes, from those of the last days. Standard library only."""

from scaling.forecast.forecaster import Forecaster
from scaling.forecast.history import History

__all__ = ["Forecaster", "History"]
