"""Rows whose fields hold one text of the corpus; a module for each part of the product."""
