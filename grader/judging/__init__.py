"""Evidence becomes a verdict: diagnosis, checks and points."""
