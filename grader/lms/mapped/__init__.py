"""Any other system, described by a mapping file."""
