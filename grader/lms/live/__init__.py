"""Live sites: what is pushed, over which connection, with which journal."""
