"""Tasks: the head of a network, its loss, its predictions and their scores."""

from starbolt.tasks.classification import Classification
from starbolt.tasks.regression import Regression

__all__ = ["Classification", "Regression"]
