"""Handlers that leave something behind in their process, and ordinary ones that run after them."""
