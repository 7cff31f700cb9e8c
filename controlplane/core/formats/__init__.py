"""How Django prints dates and times, one package per language."""
