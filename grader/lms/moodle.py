"""Moodle: the zip of submissions in, the grading worksheet and the zip of feedback out."""
