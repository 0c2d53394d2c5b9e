"""Functions become evidence: student code runs here, in a confined child, and nowhere else."""
