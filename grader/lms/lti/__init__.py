"""LTI 1.3: grades for any platform that speaks it."""
