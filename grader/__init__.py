"""Autograder for the exercise "Initialization"."""

__version__ = "0.1.0"
