"""Imported for what it does: it compiles the templates of a function and the colours of code, once for all processes."""

from grader.records import Source
from grader.rendering.excerpt import excerpt
from grader.rendering.html import macros

macros("_function.html")  # and those of pictures, which it uses
excerpt(Source(1, 1, "import numpy as np\n"))
