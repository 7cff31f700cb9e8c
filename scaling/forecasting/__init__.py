"""Arrivals of the next minutes, from those of the last days. Standard library only."""

from scaling.forecasting.history import History
from scaling.forecasting.models import MODELS
from scaling.forecasting.tournament import Tournament

__all__ = ["MODELS", "History", "Tournament"]
