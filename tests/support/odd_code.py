"""Odd constants and seeds, as a student could write them: made from a seed, so that each case can be made again."""

from __future__ import annotations

import random

ODD = (
    "\u00a0 \u2028 \ufeff \u202e \u00e9 \u2113 \u03c3 \U0001f600 \x07 \x1b \x7f \u0301 \u200b ' \" \\ { } % # \t".split(
        " "
    )
)
ESCAPES = (r"\n", r"\\", r"\x00", r"\x7f", r"\u00a0", r"\ud800", r"\U0001F600", r"\0", r"\777", r"\d", r"\'", r"\"")
UNARY = ("-", "+", "~", "not ", "--", "-+-")
BINARY = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<<",
    ">>",
    "|",
    "&",
    "^",
    "@",
    " and ",
    " or ",
    " in ",
    " is ",
    "<",
    "==",
)


def constant(draw: random.Random, depth: int = 2) -> str:
    """Return an expression of constants; it need not evaluate, and now and then does not parse."""
    makers = (_whole, _real, _text, _bytes, _formatted)
    if depth and draw.random() < 0.4:
        return draw.choice((_unary, _binary, _grouped))(draw, depth - 1)
    return draw.choice(makers)(draw)


def seed(draw: random.Random) -> str:
    """Return what stands between the parentheses of `np.random.seed(...)` in a loop over `l`."""
    size = draw.choice((1, 2, 3, 10, 99, 100, 1000, 10**5, 2**31, 2**32 - 1))
    number = draw.randint(0, size)
    return draw.choice(
        (
            f"{number} // l", f"{number} - l", f"l * {number}", f"{number} ** l", f"{number} % (l + 1)", "layers_dims[l]",
            "layers_dims[l - 1] * l", f"abs({number} - 7 * l)", f"-{number}", f"{number}.0", f"{number} / l", f"[{number}, l]",
            f"np.array([{number}, l])", f"{number} << l", f"int('{number}')", f"{number} + (l == 2)", f"hash(({number}, l)) % 99",
            "True + l", f"~l + {number}", f"{number} if l % 2 else l", "None", "'3'", "l ** 20", "sum(layers_dims[:l])",
        )
    )  # fmt: skip


def _whole(draw: random.Random) -> str:
    digits = draw.choice((1, 3, 20, 400, 4300, 5000))
    prefix, letters = draw.choice((("", "0123456789"), ("0x", "0123456789abcdefF"), ("0b", "01"), ("0o", "01234567")))
    body = "".join(draw.choices(letters, k=digits))
    return prefix + (body.lstrip("0") or "0" if not prefix else body)


def _real(draw: random.Random) -> str:
    return f"{draw.choice(('0', '1', '.5', '1_0', '9' * 30))}{draw.choice(('', 'e5', 'e-400', 'e999', 'j', 'e9j'))}"


def _text(draw: random.Random) -> str:
    quote = draw.choice(("'", '"', "'''", '"""'))
    body = "".join(draw.choice((draw.choice(ODD), draw.choice(ESCAPES), "ab ")) for _ in range(draw.randint(0, 6)))
    return f"{draw.choice(('', 'r', 'u', 'R'))}{quote}{body}{quote}"


def _bytes(draw: random.Random) -> str:
    return f"{draw.choice(('b', 'rb', 'B'))}'{draw.choice(ESCAPES)}{draw.choice(('', 'x', chr(233)))}'"


def _formatted(draw: random.Random) -> str:
    inner = draw.choice((_text, _whole, _real))(draw)
    form = draw.choice(("", "!r", "!s", "!a", ":>10", ":{3}", "=", ":%Y\u00a0%m"))
    quote = draw.choice(('"', '"""', "'''"))
    return f"{draw.choice(('f', 'rf'))}{quote}{draw.choice(ODD)}{{{inner}{form}}}{{{{{quote}"


def _unary(draw: random.Random, depth: int) -> str:
    return f"{draw.choice(UNARY)}{constant(draw, depth)}"


def _binary(draw: random.Random, depth: int) -> str:
    return f"{constant(draw, depth)}{draw.choice(BINARY)}{constant(draw, depth)}"


def _grouped(draw: random.Random, depth: int) -> str:
    before, after = draw.choice(
        (("(", ")"), ("[", ",]"), ("{", ": 1}"), ("{*[", "]}"), ("lambda: ", ""), ("(x := ", ")"))
    )
    return f"{before}{constant(draw, depth)}{after}"
