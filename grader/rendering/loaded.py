"""Imported for what it does: it compiles the templates of a page and the colours of code, once for all processes."""

from grader.garbage import collect_seldom

collect_seldom()  # before the modules that make most objects

from grader.records import Source  # noqa: E402
from grader.rendering.excerpt import excerpt  # noqa: E402
from grader.rendering.html import compile_templates, macros  # noqa: E402

compile_templates("_base.html", "feedback.html", "_provenance.html")
macros("_function.html")  # and those of pictures, which it uses
excerpt(Source(1, 1, "import numpy as np\n"))
