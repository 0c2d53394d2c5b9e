"""One record, `Result`, and its renderers: `html` for pages, `terminal` for consoles and logs.

Nothing is imported here, so that a page costs no rich and a terminal no jinja2.
"""
