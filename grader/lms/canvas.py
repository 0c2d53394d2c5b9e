"""Canvas: the zip of submissions in, the gradebook and the zip of feedback out."""
