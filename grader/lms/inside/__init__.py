"""Graders that run inside a system, and the bundles that bring them there."""
