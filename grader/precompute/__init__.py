"""Measures an exercise beforehand: trainings, sweeps over scales, what stands beside them."""
