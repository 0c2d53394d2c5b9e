"""A class: submissions are found, graded by several processes, reviewed by people and published."""
