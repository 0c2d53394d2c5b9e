"""Moodle: its download, its worksheet and its live site."""
