"""Catalogues of answers: made in partitions that any number of processes share, and joined to one file where asked."""
