"""The exercise: its folder, its settings, its model and data, and the numbers measured for it."""
