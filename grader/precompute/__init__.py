"""Measures an exercise beforehand: trainings, sweeps over scales, and answers to what students ask."""
