"""What the learning management systems share: archives, layout, tables, points."""
