"""Catalogues from any file into one Arrow table: formats, several files as one, columns, conditions, sentinels."""
