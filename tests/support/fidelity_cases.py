"""What people write in notebooks: cases for the comparison with a real kernel."""

from __future__ import annotations

import pkgutil
import sys

# ruff: noqa: RUF001  # letters of many scripts are what is tested
import numpy as np
from kernels import Case, case

IMPORT = "import numpy as np"
BODY = """
def f(layers_dims):
    np.random.seed(3)
    parameters = {}
    for l in range(1, len(layers_dims)):
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * 10
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters
"""
NOT_IMPORTED = {"antigravity", "idlelib", "this", "tkinter", "turtle", "turtledemo", "_tkinter"}


def edited(old: str, new: str) -> str:
    assert old in BODY, old
    return BODY.replace(old, new)


def with_line(line: str) -> str:
    """The function with a line of its own before the return."""
    return edited("    return", f"    {line}\n    return")


def importing(module: str) -> Case:
    return case(f"import {module}", IMPORT, f"def f(d):\n    import {module}\n    return {{'W1': np.ones(d[:2])}}")


STANDARD = tuple(importing(name) for name in sorted(sys.stdlib_module_names - NOT_IMPORTED))
NUMPY = tuple(
    importing(module.name)
    for module in pkgutil.walk_packages(np.__path__, "numpy.", onerror=lambda _: None)
    if not any(part.startswith("_") or part in ("tests", "conftest", "distutils") for part in module.name.split("."))
)

WAYS = (
    case("plain", IMPORT, BODY),
    case("numpy", "import numpy", BODY.replace("np.", "numpy.")),
    case("two imports", "import numpy\nimport numpy.linalg", BODY.replace("np.", "numpy.")),
    case("from numpy import", "from numpy import random, zeros", BODY.replace("np.", "")),
    case("from numpy import *", "from numpy import *", BODY.replace("np.", "")),
    case(
        "stars in one order",
        "from numpy import *\nfrom numpy.random import *",
        BODY.replace("np.random.", "").replace("np.", ""),
    ),
    case(
        "stars in the other",
        "from numpy.random import *\nfrom numpy import *",
        BODY.replace("np.random.", "").replace("np.", ""),
    ),
    case("star after import", "import random\nfrom numpy import *", BODY.replace("np.", "")),
    case(
        "star of random, star of numpy",
        "from random import *\nfrom numpy.random import *",
        IMPORT,
        BODY.replace("np.random.", ""),
    ),
    case(
        "star of numpy.random, star of random",
        "from numpy.random import *\nfrom random import *",
        IMPORT,
        "def f(d):\n    seed(3)\n    return {'W1': random()}",
    ),
    case("star hides max", "from numpy import *", "def f(d):\n    return {'W1': max([[1, 5], [7, 2]], 0)}"),
    case("star of math", IMPORT, "from math import *", edited("* 10", "* sqrt(2 / layers_dims[l-1])")),
    case("math over numpy", "from numpy import *\nfrom math import *", "def f(d):\n    return {'W1': sqrt(2)}"),
    case("star of statistics", IMPORT, "from statistics import *", "def f(d):\n    return {'W1': fmean(d)}"),
    case("as rnd", "from numpy import random as rnd\nimport numpy as np", BODY.replace("np.random", "rnd")),
    case("alias at the top", IMPORT, "rand = np.random", BODY.replace("np.random", "rand")),
    case("lambda", IMPORT, "f = lambda d: {'W1': np.zeros((d[1], d[0]))}"),
    case("another name", IMPORT, BODY.replace("def f", "def mine"), "f = mine"),
    case("helper", IMPORT, "def he(n):\n    return np.sqrt(2. / n)", edited("* 10", "* he(layers_dims[l-1])")),
    case(
        "helper defined twice",
        IMPORT,
        "def k(n):\n    return 2.",
        edited("* 10", "* k(1)"),
        after=["def k(n):\n    return 3."],
    ),
    case("constant before and after", IMPORT, "GAIN = 10", edited("* 10", "* GAIN"), after=["GAIN = 5"]),
    case("constant changed before", IMPORT, "GAIN = 5\nGAIN *= 2", edited("* 10", "* GAIN")),
    case("constant of a constant", IMPORT, "a = 2\nb = a * 5\na = 7", edited("* 10", "* b + a")),
    case("list changed", IMPORT, "g = [1, 2]\ng[0] = 10", edited("* 10", "* g[0]")),
    case("list changed later", IMPORT, "g = [10, 2]", edited("* 10", "* g[0]"), after=["g[0] = 3"]),
    case("dictionary", IMPORT, "config = {}\nconfig['gain'] = 10", edited("* 10", "* config['gain']")),
    case("class", IMPORT, "class Config:\n    gain = 10", edited("* 10", "* Config.gain")),
    case("class changed", IMPORT, "class Config:\n    gain = 1\nConfig.gain = 10", edited("* 10", "* Config.gain")),
    case(
        "dataclass",
        IMPORT,
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    gain: float = 10.",
        edited("* 10", "* C().gain"),
    ),
    case("enum", IMPORT, "import enum\nclass G(enum.IntEnum):\n    GAIN = 10", edited("* 10", "* G.GAIN")),
    case(
        "namedtuple",
        IMPORT,
        "from collections import namedtuple\nP = namedtuple('P', 'W b')",
        "def f(d):\n    return P(np.ones(2), np.zeros(2))._asdict()",
    ),
    case(
        "decorator",
        IMPORT,
        "import functools\ndef logged(g):\n    @functools.wraps(g)\n    def h(*a):\n        return g(*a)\n    return h",
        "@logged" + BODY,
    ),
    case(
        "lru_cache",
        IMPORT,
        "from functools import lru_cache\n@lru_cache(None)\ndef k(n):\n    return n * 1.",
        edited("* 10", "* k(10)"),
    ),
    case(
        "default",
        IMPORT,
        "GAIN = 10",
        "def f(d, gain=GAIN):\n    return {'W1': np.ones(d[0]) * gain}",
        after=["GAIN = 5"],
    ),
    case(
        "annotations",
        "import numpy as np\nfrom typing import Dict, List\nfrom numpy.typing import NDArray",
        edited("f(layers_dims)", "f(layers_dims: List[int]) -> Dict[str, NDArray]"),
    ),
    case(
        "future",
        "from __future__ import annotations\nimport numpy as np",
        edited("f(layers_dims)", "f(layers_dims: list[Undefined])"),
    ),
    case(
        "comprehension",
        IMPORT,
        "def f(d):\n    return {f'W{l}': np.ones((b, a)) for l, (a, b) in enumerate(zip(d, d[1:]), 1)}",
    ),
    case(
        "generator",
        IMPORT,
        "def pairs(d):\n    yield from zip(d, d[1:])",
        "def f(d):\n    return {f'W{i}': np.ones(p) for i, p in enumerate(pairs(d))}",
    ),
    case("walrus", IMPORT, "def f(d):\n    if (n := len(d)) > 1:\n        return {'W1': np.ones(n)}"),
    case(
        "while",
        IMPORT,
        "def f(d):\n    p = {}; l = 1\n    while l < len(d):\n        p[f'W{l}'] = np.ones((d[l], d[l-1])); l += 1\n    return p",
    ),
    case(
        "global",
        IMPORT,
        "count = 0",
        "def f(d):\n    global count\n    count += 1\n    return {'W1': np.ones(2) * count}",
    ),
    case(
        "nonlocal",
        IMPORT,
        "def f(d):\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    g()\n    return {'W1': np.ones(2) * n}",
    ),
    case(
        "recursive",
        IMPORT,
        "def f(d, l=1):\n    return {} if l == len(d) else {f'W{l}': np.ones((d[l], d[l-1])), **f(d, l + 1)}",
    ),
    case("exec", IMPORT, "def f(d):\n    s = {}\n    exec('x = 3.', s)\n    return {'W1': s['x']}"),
    case("eval", IMPORT, "def f(d):\n    return {'W1': eval('np.ones(2)')}"),
    case("source", IMPORT, "import inspect", "def f(d):\n    return {'W1': float(len(inspect.getsource(f)))}"),
    case("in an if", IMPORT, "if True:\n    GAIN = 10\nelse:\n    GAIN = 1", edited("* 10", "* np.sign(GAIN)")),
    case(
        "import fails over",
        "try:\n    import cupy_is_not_here as np\nexcept ImportError:\n    import numpy as np",
        BODY,
    ),
    case("import later", BODY, IMPORT),
    case("star assignment", IMPORT, "GAIN, *rest = 10, 2, 3", edited("* 10", "* GAIN")),
    case("loop name", IMPORT, "for i in range(3):\n    pass", BODY),
    case("await at the top", IMPORT, "async def g():\n    return 10", "GAIN = 10", edited("* 10", "* GAIN")),
    case("deleted", IMPORT, "x = 3\ndel x", BODY),
    case(
        "numpy matlib",
        "import numpy.matlib\nimport numpy as np",
        "def f(d):\n    return {'W1': np.asarray(np.matlib.ones((2, 2)))}",
    ),
    case("raises", IMPORT, "def f(d):\n    return {'W1': np.ones(2) @ np.ones(3)}"),
    case("name error", IMPORT, "def f(d):\n    return {'W1': nothing}"),
    case("exits", IMPORT, "import sys\ndef f(d):\n    sys.exit(0)"),
)

SCRIPTS = (
    "σ α Ω λ π σ_w β1 "  # Greek
    "щ вес данные "  # Cyrillic
    "权重 層 参数 "  # Chinese
    "重み ネット "  # Japanese
    "가중치 층 "  # Korean
    "وزن طبقة "  # Arabic
    "משקל "  # Hebrew
    "भार परत "  # Devanagari
    "น้ำหนัก "  # Thai
    "քաշ "  # Armenian
    "წონა "  # Georgian
    "எடை "  # Tamil
    "größe poids_é ñandú ağırlık "  # Latin with marks
    "ﬁ Ｗ 𝐖 ℓ ª"  # which Python reads as other letters
).split()
IDENTIFIERS = tuple(
    case(f"identifier {name}", IMPORT, f"{name} = 10", edited("* 10", f"* {name}")) for name in SCRIPTS
) + tuple(
    case(
        f"local {name}",
        IMPORT,
        edited("    parameters = {}", f"    parameters = {{}}\n    {name} = 10").replace("* 10", f"* {name}"),
    )
    for name in SCRIPTS
)

MAGICS = (
    case("%%time", IMPORT, "%%time" + BODY),
    case("%%capture", IMPORT, "%%capture out" + BODY),
    case("%%capture, %%time", IMPORT, "%%capture\n%%time" + BODY),
    case("%%prun", IMPORT, "%%prun -q" + BODY),
    case("%pylab", "%pylab inline", edited("np.random.randn", "randn")),
    case(
        "IPython's prompts",
        IMPORT,
        "\n".join(
            f"In [2]: {line}" if number == 0 else f"   ...: {line}"
            for number, line in enumerate(BODY.strip().splitlines())
        ),
    ),
    case("automatic calls", IMPORT, BODY, after=["/print 1 2", ",print a b"]),
    case("%matplotlib", "%matplotlib inline\nimport numpy as np", BODY),
    case("%load_ext", "%load_ext autoreload\n%autoreload 2\nimport numpy as np", BODY),
    case("! line", "!echo hello\nimport numpy as np", BODY),
    case("! lines", "!echo hello \\\n    world\nimport numpy as np", BODY),
    case("x = !", "files = !ls\nimport numpy as np", BODY),
    case("x = ! used", IMPORT, "files = !true", edited("* 10", "* (10 + len(files))")),
    case("x = %", "where = %pwd\nimport numpy as np", BODY),
    case("?", "import numpy as np\nnp.zeros?", BODY),
    case("??", "import numpy as np\nnp.zeros??", BODY),
    case("? before", "import numpy as np\n?np.zeros", BODY),
    case(
        "%time inside",
        IMPORT,
        edited("        parameters['b'", "        %time parameters['x' + str(l)] = np.ones(2)\n        parameters['b'"),
    ),
    case("%timeit at the top", IMPORT, "%timeit -n1 -r1 np.ones(2)" + BODY),
    case("! inside", IMPORT, with_line("!true")),
    case("x = ! inside", IMPORT, with_line("x = !true")),
    case("% inside", IMPORT, with_line("%pwd")),
    case("%%writefile, star", "%%writefile fidelity_a.py\nimport numpy as np" + BODY, "from fidelity_a import *"),
    case(
        "%%writefile, from",
        "%%writefile fidelity_b.py\nimport numpy as np\nGAIN = 10" + edited("* 10", "* GAIN"),
        "from fidelity_b import f",
    ),
    case(
        "%%writefile, from as",
        "%%writefile fidelity_c.py\nimport numpy as np" + BODY.replace("def f", "def g"),
        "from fidelity_c import g as f",
    ),
    case(
        "%%writefile, import",
        "%%writefile fidelity_d.py\nGAIN = 10",
        IMPORT,
        "import fidelity_d",
        edited("* 10", "* fidelity_d.GAIN"),
    ),
    case(
        "%%writefile, import as",
        "%%writefile fidelity_e.py\ndef k():\n    return 10",
        IMPORT,
        "import fidelity_e as e",
        edited("* 10", "* e.k()"),
    ),
    case(
        "%%writefile, %run",
        "%%writefile fidelity_f.py\nGAIN = 10",
        IMPORT,
        "%run fidelity_f.py",
        edited("* 10", "* GAIN"),
    ),
    case(
        "%%writefile -a",
        "%%writefile fidelity_g.py\nGAIN = 10",
        "%%writefile -a fidelity_g.py\n\nLOSS = 2",
        IMPORT,
        "from fidelity_g import *",
        edited("* 10", "* GAIN * LOSS"),
    ),
    case("%%bash", "%%bash\necho hello", IMPORT, BODY),
    case("%%html", "%%html\n<b>W</b>", IMPORT, BODY),
    case("%load", "# %load x.py\nimport numpy as np", BODY),
    case("% in brackets", "%matplotlib inline\nimport numpy as np\nx = (7\n% 4)", edited("* 10", "* x")),
    case("% in a text", '%matplotlib inline\nimport numpy as np\nx = """\n%time\n!ls\n"""', edited("* 10", "* len(x)")),
    case("run_cell_magic", IMPORT, f"get_ipython().run_cell_magic('time', '', {BODY!r})"),
    case(
        "run_cell_magic capture",
        "import numpy as np",
        f"x = 5\nget_ipython().run_cell_magic('capture', 'out', {BODY!r})\ny = 6",
    ),
    case("run_line_magic", "get_ipython().run_line_magic('matplotlib', 'inline')\nimport numpy as np", BODY),
    case("run_line_magic time", IMPORT, "get_ipython().run_line_magic('time', 'GAIN = 10')", edited("* 10", "* GAIN")),
    case("system", "get_ipython().system('true')\nimport numpy as np", BODY),
    case("getoutput", IMPORT, "x = get_ipython().getoutput('true')", edited("* 10", "* (10 + len(x))")),
    case("system inside", IMPORT, with_line("get_ipython().system('true'); get_ipython().run_line_magic('pwd', '')")),
    case("display", IMPORT, with_line("display(parameters)")),
    case(
        "display imported",
        "from IPython.display import display, HTML, clear_output",
        IMPORT,
        with_line("clear_output(); display(HTML('<b>x</b>'))"),
    ),
    case("IPython", "import IPython", IMPORT, with_line("IPython.display.display(1)")),
    case("kind of shell", IMPORT, edited("* 10", "* len(get_ipython().__class__.__name__)")),
    case("In, Out", IMPORT, with_line("In, Out")),
    case("underscore", IMPORT, edited("for l in", "for _ in range(2): pass\n    for l in")),
    case("indented", "    import numpy as np\n    x = 3", BODY),
    case("prompts", ">>> import numpy as np\n>>> x = 10", edited("* 10", "* x")),
    case("semicolon", "import numpy as np; x = 10;", edited("* 10", "* x")),
    case("await", IMPORT, "import asyncio\nawait asyncio.sleep(0)", BODY),
)

LEFT_IN = (
    case("print", IMPORT, with_line("print(parameters, flush=True)")),
    case("pprint", "from pprint import pprint", IMPORT, with_line("pprint(parameters)")),
    case(
        "logging",
        "import logging\nlogging.basicConfig(level=logging.INFO)\nlogger = logging.getLogger(__name__)",
        IMPORT,
        with_line("logging.info('x'); logger.warning('%s', 3)"),
    ),
    case(
        "warnings", "import warnings\nwarnings.filterwarnings('ignore')", IMPORT, with_line("warnings.warn('careful')")
    ),
    case("time", "import time", IMPORT, with_line("start = time.time(); time.perf_counter(); time.sleep(0)")),
    case("uuid", IMPORT, with_line("import uuid; uuid.uuid4(); uuid.uuid1()")),
    case("secrets", IMPORT, with_line("import secrets, os; secrets.token_hex(); os.urandom(3)")),
    case(
        "platform",
        "import platform",
        IMPORT,
        with_line("platform.platform(), platform.system(), platform.python_version()"),
    ),
    case(
        "plt",
        "import matplotlib.pyplot as plt",
        IMPORT,
        with_line(
            "plt.figure(figsize=(3, 2)); n, bins, _ = plt.hist(parameters['W1'].ravel()); plt.title('W'); plt.show()"
        ),
    ),
    case(
        "subplots",
        "import matplotlib.pyplot as plt\nplt.rcParams['figure.figsize'] = (5.0, 4.0)",
        IMPORT,
        with_line(
            "fig, axes = plt.subplots(1, 2); axes[0].plot([1, 2]); [a.grid() for a in axes.flat]; fig, ax = plt.subplots(); ax.plot([1])"
        ),
    ),
    case("printoptions", IMPORT, with_line("np.set_printoptions(precision=2)")),
    case("assert", IMPORT, with_line("assert parameters['W1'].shape == (layers_dims[1], layers_dims[0])")),
    case("numpy testing", IMPORT, with_line("np.testing.assert_allclose(parameters['b1'], 0)")),
    case("thread name", "import threading", IMPORT, with_line("threading.current_thread().name")),
    case("json", "import json", IMPORT, with_line("json.dumps({'shape': parameters['W1'].shape})")),
    case("sqlite in memory", "import sqlite3", IMPORT, with_line("sqlite3.connect(':memory:').execute('select 1')")),
    case("deepcopy", "import copy", IMPORT, with_line("parameters = copy.deepcopy(parameters)")),
    case("pickle", "import pickle", IMPORT, with_line("parameters = pickle.loads(pickle.dumps(parameters))")),
    case("display handle", IMPORT, with_line("handle = display('a', display_id=True); handle.update('b')")),
    case(
        "folder",
        IMPORT,
        with_line("import os; os.path.join(os.getcwd(), 'x'); os.path.abspath('x'); os.path.expanduser('~')"),
    ),
    case(
        "is there a file",
        "from pathlib import Path",
        IMPORT,
        with_line("Path.cwd(), Path.home(), Path('x').exists(), Path('x').is_dir()"),
    ),
    case("user", IMPORT, with_line("import getpass, socket; getpass.getuser(); socket.gethostname()")),
    case("machine", IMPORT, with_line("import os; os.getloadavg(); os.umask(0o22); os.cpu_count()")),
    case("stack", IMPORT, with_line("import inspect; inspect.stack()[0].function")),
    case("exit", IMPORT, "def quiet(*a):\n    return exit", with_line("quiet()")),
)

STATE = (
    case("seed assigned after", IMPORT, BODY, after=["np.random.seed = 1"]),
    case("randn assigned before", IMPORT, "np.random.randn = np.random.rand", BODY),
    case("randn assigned after", IMPORT, BODY, after=["np.random.randn = np.random.rand"]),
    case(
        "randn assigned by another name",
        "import numpy\nimport numpy as np",
        "numpy.random.randn = numpy.random.rand",
        BODY,
    ),
    case("zeros replaced", IMPORT, "def ones(shape):\n    return np.ones(shape)\nnp.zeros = ones", BODY),
    case("np replaced after", IMPORT, BODY, after=["np = 3"]),
    case("np replaced before", IMPORT, "np = 3", BODY),
    case("np imported again", IMPORT, "np = 3", IMPORT, BODY),
    case("seed assigned inside", IMPORT, edited("np.random.seed(3)", "np.random.seed = 3")),
    case("array replaced inside", IMPORT, with_line("np.array = np.ndarray = np.random.seed = None")),
    case(
        "builtins replaced",
        "import builtins",
        IMPORT,
        "def f(d):\n    W = np.ones(d[0])\n    for name in ('isinstance', 'list', 'repr', 'str', 'type'):\n        setattr(builtins, name + '_', None)\n    return {'W1': W}",
    ),
    case("seterr", IMPORT, "def f(d):\n    np.seterr(all='raise')\n    return {'W1': np.ones(2)}"),
    case(
        "state of the generator",
        IMPORT,
        "def f(d):\n    np.random.set_state(np.random.RandomState(3).get_state())\n    return {'W1': np.random.randn(3)}",
    ),
)
# What functions stand on that calls at the top level make.
MADE = (
    case("closure", IMPORT, "def make(k):\n    return lambda *n: np.random.randn(*n) * k\ndraw = make(10)", edited("np.random.randn(layers_dims[l], layers_dims[l-1]) * 10", "draw(layers_dims[l], layers_dims[l-1])")),
    case("instance", IMPORT, "class Config:\n    def __init__(self):\n        self.scale = 10\nconfig = Config()", edited("* 10", "* config.scale")),
    case("named tuple", IMPORT, "from typing import NamedTuple\nclass Config(NamedTuple):\n    scale: int = 10\nconfig = Config(scale=10)", edited("* 10", "* config.scale")),
    case("partial", "import functools", IMPORT, BODY.replace("f(layers_dims)", "g(scale, layers_dims)").replace("* 10", "* scale"), "f = functools.partial(g, 10)"),
    case("bound method", IMPORT, "class Model:\n    def f(self, d):\n        return {'W1': np.ones(d[:2])}", "f = Model().f"),
    case("own decorator, called", IMPORT, "def twice(g):\n    return lambda d: g(d)", BODY, "f = twice(f)"),
    case("exec", IMPORT, "exec('SCALE = 10')", edited("* 10", "* SCALE")),
    case("exec and compile", IMPORT, "exec(compile('def root(x):\\n    return x * 10', '<s>', 'exec'))", edited("* 10", "* root(1)")),
    case("module written and imported twice", IMPORT, "%%writefile scales_of_layers.py\nimport numpy as np\nTEN, TWO = 10, 2\ndef root(x):\n    return np.sqrt(x)", "import scales_of_layers\nfrom scales_of_layers import root", edited("* 10", "* scales_of_layers.TEN * root(1)")),
)  # fmt: skip
# Constants that loops, blocks and changes of the top level build.
BUILT = (
    case("dictionary filled in a loop", IMPORT, "scales = {}\nfor l in range(5):\n    scales[l] = 10", edited("* 10","* scales[l]")),
    case("list filled in a loop", IMPORT, "scales = []\nfor l in range(5):\n    scales.append(10)\n    print(l)", edited("* 10","* scales[l]")),
    case("while loop", IMPORT, "gain, n = 0, 0\nwhile n < 5:\n    gain += 2\n    n += 1", edited("* 10","* gain")),
    case("condition", IMPORT, "x = 3\nif x > 5:\n    gain = 1\nelif x > 2:\n    gain = 10\nelse:\n    gain = 7", edited("* 10","* gain")),
    case("with block", IMPORT, "gains = [10]\nwith np.errstate(all='ignore'):\n    gain = np.float64(5)\n    gain = gain * 2\n    gains.append(gain)", edited("* 10","* gains[1]")),
    case("try block", IMPORT, "config = {'a': 1}\ntry:\n    gain = config['gain']\nexcept KeyError:\n    gain = 10", edited("* 10","* gain")),
    case("append at the top", IMPORT, "gains = []\ngains.append(10)\nconfig = dict()\nconfig.update(a=1)", edited("* 10","* gains[0] * config['a']")),
    case("loop after", IMPORT, "gains = [10]", edited("* 10","* gains[0]"), after=["for l in range(1):\n    gains[l] = 5"]),
    case("loop over zip", IMPORT, "gains = {}\nfor a, (b, *c) in enumerate([(1, 2), (3, 4)]):\n    gains[f'{a}'] = b * 10", edited("* 10","* gains['0']")),
    case("loop in a loop", IMPORT, "t = np.zeros((5, 5))\nfor i in range(5):\n    for j in range(5):\n        if i == j:\n            continue\n        t[i, j] = 10", edited("* 10","* t[0, l]")),
    case("two loops over one name", IMPORT, "a = []\nb = []\nfor l in range(5):\n    a.append(2)\nfor l in range(5):\n    b.append(a[l] * 5)", edited("* 10","* b[l]")),
    case("loop that calls an own function", IMPORT, "def ten(l):\n    return 10\nscales = {}\nfor l in range(5):\n    scales[l] = ten(l)", edited("* 10","* scales[l]")),
    case("import in try", "try:\n    import numpy as np\n    GAIN = 10\nexcept ImportError:\n    GAIN = 3", edited("* 10","* GAIN")),
    case("eval at the top", IMPORT, "TEN = eval('5 + 5')", edited("* 10","* TEN")),
    case("eval of a name", IMPORT, "five = 5\nTEN = eval('five + 5')", edited("* 10","* TEN")),
    case("builtins", "import builtins\nimport numpy as np", "builtins.my_scale = 10", edited("* 10","* my_scale")),
    case("globals", IMPORT, "globals()['my_scale'] = 10", edited("* 10","* my_scale")),
)  # fmt: skip
# What else sets and changes names at the top level.
BOUND = (
    case("match", IMPORT, "kind = 'he'\nmatch kind:\n    case 'zeros':\n        gain = 1\n    case 'he' | 'random':\n        gain = 10", edited("* 10", "* gain")),
    case("match that captures", IMPORT, "match {'gain': [10, 2]}:\n    case {'gain': [gain, *rest], **others}:\n        pass", edited("* 10", "* gain * len(rest)")),
    case("walrus at the top", IMPORT, "if (gain := 10) > 5:\n    print(gain)", edited("* 10", "* gain")),
    case("walrus in an expression", IMPORT, "print(gain := 10)", edited("* 10", "* gain")),
    case("walrus in a comprehension", IMPORT, "gains = [last := n for n in range(11)]", edited("* 10", "* last")),
    case("setattr of a class", IMPORT, "class Config:\n    gain = 1\nsetattr(Config, 'gain', 10)", edited("* 10", "* Config.gain")),
    case("setattr in a loop", IMPORT, "class Config:\n    pass\nfor name, value in {'gain': 10, 'seed': 3}.items():\n    setattr(Config, name, value)", edited("* 10", "* Config.gain")),
    case("vars of an object", IMPORT, "class Config:\n    pass\nvars_of = Config()\nvars(vars_of)['gain'] = 10", edited("* 10", "* vars_of.gain")),
    case("globals in a loop", IMPORT, "for name, value in [('gain', 10), ('bias', 0)]:\n    globals()[name] = value", edited("* 10", "* gain")),
    case("globals updated", IMPORT, "globals().update(gain=10)\nglobals().update({'bias': 1})", edited("* 10", "* gain * bias")),
    case("globals updated by a name", IMPORT, "settings = {'gain': 10}\nglobals().update(settings)", edited("* 10", "* gain")),
    case("globals over a value", IMPORT, "gain = 1\nsettings = dict(gain=10)\nfor key in settings:\n    globals()[key] = settings[key]", edited("* 10", "* gain")),
    case("locals at the top", IMPORT, "locals()['gain'] = 10", edited("* 10", "* gain")),
    case("user_ns", IMPORT, "get_ipython().user_ns['gain'] = 10", edited("* 10", "* gain")),
    case("push", IMPORT, "get_ipython().push({'gain': 10})", edited("* 10", "* gain")),
    case("exec in a loop", IMPORT, "for name in ('gain', 'other'):\n    exec(f'{name} = 10')", edited("* 10", "* gain")),
    case("own module", IMPORT, "import sys\nsetattr(sys.modules['__main__'], 'gain', 10)\nimport __main__\n__main__.bias = 1", edited("* 10", "* gain * bias")),
    case("def in both arms of if", IMPORT, "fast = np.__version__ > '1'\nif fast:\n    def ten(x):\n        return x * 10\nelse:\n    def ten(x):\n        return x", edited("* 10", "* ten(1)")),
    case("def in try", IMPORT, "try:\n    def ten(x):\n        return x * 10\nexcept NameError:\n    def ten(x):\n        return x", edited("* 10", "* ten(1)")),
    case("def in both, constant", IMPORT, "if True:\n" + BODY.replace("\n", "\n    ") + "\nelse:\n    def f(d):\n        return {}"),
    case("switched off", IMPORT, "gain = 10\nif 0:\n    gain = 5", edited("* 10", "* gain")),
    case("def in a loop", IMPORT, "for k in (3, 10):\n    def scaled(x, k=k):\n        return x * k", edited("* 10", "* scaled(1)")),
    case("closures of a loop", IMPORT, "gains = []\nfor k in range(11):\n    def get(k=k):\n        return k\n    gains.append(get)", edited("* 10", "* gains[10]()")),
    case("decorator of a loop", IMPORT, "for k in (3, 10):\n    def times(g, k=k):\n        return lambda x: g(x) * k", "@times\ndef ten(x):\n    return x", edited("* 10", "* ten(1)")),
    case("await", IMPORT, "async def get():\n    return 10\ngain = await get()", edited("* 10", "* gain")),
    case("await asyncio.sleep", "import asyncio\nimport numpy as np", "async def get(x):\n    await asyncio.sleep(0)\n    return x\ngain = (await get(4)) + await get(6)", edited("* 10", "* gain")),
    case("async for", IMPORT, "async def count():\n    for i in range(11):\n        yield i\nasync for gain in count():\n    pass", edited("* 10", "* gain")),
    case("async with", IMPORT, "import contextlib\n@contextlib.asynccontextmanager\nasync def ten():\n    yield 10\nasync with ten() as gain:\n    pass", edited("* 10", "* gain")),
    case("async comprehension", IMPORT, "async def count():\n    for i in range(11):\n        yield i\ngain = [i async for i in count()][-1]", edited("* 10", "* gain")),
    case("setup with global", IMPORT, "def setup():\n    global gain\n    gain = 10\nsetup()", edited("* 10", "* gain")),
    case("setup with global, changed", IMPORT, "gain = 8\ndef more():\n    global gain\n    gain += 1\nmore()\nmore()", edited("* 10", "* gain")),
    case("own function changes what it is given", IMPORT, "def fill(d, k):\n    d['gain'] = k\nconfig = {}\nfill(config, 10)", edited("* 10", "* config['gain']")),
    case("own function changes a name", IMPORT, "gains = []\ndef add(k):\n    gains.append(k)\nadd(10)", edited("* 10", "* gains[0]")),
    case("own method", IMPORT, "class Config:\n    def set_gain(self, k):\n        self.gain = k\n        return self\nconfig = Config()\nconfig.set_gain(10)", edited("* 10", "* config.gain")),
    case("class method", IMPORT, "class Config:\n    @classmethod\n    def set_gain(cls, k):\n        cls.gain = k\nConfig.set_gain(10)", edited("* 10", "* Config.gain")),
    case("alias", IMPORT, "config = {'gain': 1}\nc = config\nc['gain'] = 10", edited("* 10", "* config['gain']")),
    case("alias of a part", IMPORT, "config = {'a': {}}\nc = config['a']\nc['gain'] = 10", edited("* 10", "* config['a']['gain']")),
    case("loop over what it changes", IMPORT, "rows = [{}, {}]\nfor row in rows:\n    row['gain'] = 10", edited("* 10", "* rows[1]['gain']")),
    case("array filled", IMPORT, "gains = np.zeros(5)\ngains.fill(10)", edited("* 10", "* gains[0]")),
    case("array slice", IMPORT, "gains = np.zeros(5)\ngains[:] = 10", edited("* 10", "* gains[0]")),
    case("out=", IMPORT, "gains = np.ones(5)\ngains *= 10\nnp.copyto(gains, gains)", edited("* 10", "* gains[0]")),
    case("deleted entry", IMPORT, "gains = [1, 10]\ndel gains[0]", edited("* 10", "* gains[0]")),
    case("attribute of the function", IMPORT, edited("* 10", "* f.gain") + "f.gain = 10"),
    case("constant below in the cell", IMPORT, "GAIN = 3", edited("* 10", "* GAIN") + "GAIN = 10"),
    case("default, then another value", IMPORT, "GAIN = 10\ndef ten(x, k=GAIN):\n    return x * k\nGAIN = 3", edited("* 10", "* ten(1)")),
    case("default, then another value, in use", IMPORT, "GAIN = 5\ndef ten(x, k=GAIN):\n    return x * k * GAIN\nGAIN = 2", edited("* 10", "* ten(1)")),
    case("list used, then changed", IMPORT, "a = [10]\nb = a[0]\na[0] = 3", edited("* 10", "* b")),
    case("list used, then changed, in use", IMPORT, "a = [5]\nb = a[0]\na[0] = 2", edited("* 10", "* b * a[0]")),
    case("dictionary changed and copied", IMPORT, "d = {}\nd['gain'] = 10\nd = dict(d, b=1)", edited("* 10", "* d['gain'] * d['b']")),
    case("except as", IMPORT, "try:\n    int('ten')\nexcept ValueError as error:\n    gain = len(str(error)) // len(str(error)) * 10", edited("* 10", "* gain")),
    case("else of for", IMPORT, "for n in range(3):\n    pass\nelse:\n    gain = 10", edited("* 10", "* gain")),
    case("finally", IMPORT, "try:\n    gain = 3\nfinally:\n    gain = 10", edited("* 10", "* gain")),
    case("loop variable", IMPORT, "for gain in range(11):\n    pass", edited("* 10", "* gain")),
    case("with as", IMPORT, "import contextlib\nwith contextlib.nullcontext(10) as gain:\n    pass", edited("* 10", "* gain")),
    case("type alias", IMPORT, "from typing import Dict\nParameters = Dict[str, np.ndarray]", edited("f(layers_dims)", "f(layers_dims) -> Parameters")),
    case("sixty loops before", IMPORT, *(f"total = 0\nfor i in range(3):\n    total += i\n    other_{n} = i" for n in range(60)), "gains = {}\nfor l in range(5):\n    gains[l] = 10", edited("* 10", "* gains[l]")),
    case("nested tuple", IMPORT, "(a, [b, *c]), d = (1, [2, 3, 4]), 10", edited("* 10", "* d * a * b / len(c)")),
    case("chained", IMPORT, "a = b = [10]\nb.append(3)", edited("* 10", "* a[0] * (len(a) - 1)")),
    case("annotated", IMPORT, "GAIN: float = 10", edited("* 10", "* GAIN")),
    case("heapq", IMPORT, "import heapq\nh = [30, 10, 20]\nheapq.heapify(h)", edited("* 10", "* h[0]")),
    case("counter", IMPORT, "from collections import Counter\nc = Counter()\nfor word in 'aaaaa':\n    c[word] += 2", edited("* 10", "* c['a']")),
    case("defaultdict", IMPORT, "from collections import defaultdict\nd = defaultdict(list)\nfor l in range(5):\n    d['gain'].append(2 * l)", edited("* 10", "* sum(d['gain']) / 2")),
    case("SimpleNamespace", IMPORT, "from types import SimpleNamespace\nc = SimpleNamespace()\nc.gain = 10", edited("* 10", "* c.gain")),
    case("property", IMPORT, "class C:\n    @property\n    def gain(self):\n        return TEN\nTEN = 10\nc = C()", edited("* 10", "* c.gain")),
    case("registry of a decorator", IMPORT, "registry = {}\ndef register(g):\n    registry[g.__name__] = g\n    return g", "@register\ndef ten(x):\n    return 10 * x", edited("* 10", "* registry['ten'](1)")),
    case("singledispatch", IMPORT, "import functools\n@functools.singledispatch\ndef ten(x):\n    return 1\n@ten.register\ndef _(x: int):\n    return 10", edited("* 10", "* ten(1)")),
    case("property setter", IMPORT, "class C:\n    @property\n    def gain(self):\n        return self._gain\n    @gain.setter\n    def gain(self, k):\n        self._gain = k\nc = C()\nc.gain = 10", edited("* 10", "* c.gain")),
)  # fmt: skip
OBJECTS = (
    case("configparser", IMPORT, "import configparser\nconfig = configparser.ConfigParser()\nconfig.read_string('[init]\\ngain = 10')", edited("* 10", "* config.getint('init', 'gain')")),
    case("argparse", IMPORT, "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--gain', type=float, default=10)\nargs = parser.parse_args([])", edited("* 10", "* args.gain")),
    case("logging", IMPORT, "import logging\nlogger = logging.getLogger('init')\nlogger.addHandler(logging.StreamHandler())", with_line("logger.debug('x')")),
    case("__init_subclass__", IMPORT, "class Init:\n    known = {}\n    def __init_subclass__(cls):\n        Init.known[cls.__name__] = cls\nclass Ten(Init):\n    gain = 10", edited("* 10", "* Init.known['Ten'].gain")),
    case("metaclass", IMPORT, "class Meta(type):\n    known = {}\n    def __init__(cls, *a):\n        Meta.known[cls.__name__] = cls\nclass Ten(metaclass=Meta):\n    gain = 10", edited("* 10", "* Ten.gain")),
    case("a buffer", IMPORT, "import io\nbuffer = io.BytesIO()\nnp.save(buffer, np.array([10.]))\nbuffer.seek(0)\ngains = np.load(buffer)", edited("* 10", "* gains[0]")),
    case("__import__", "np = __import__('numpy')", BODY),
    case("importlib", "import importlib\nnp = importlib.import_module('numpy')", BODY),
    case("method of an instance", IMPORT, "import types\nclass C:\n    pass\nc = C()\nc.ten = types.MethodType(lambda self, x: 10 * x, c)", edited("* 10", "* c.ten(1)")),
    case("functions made in a loop", IMPORT, "for name, k in {'f': 10, 'g': 3}.items():\n    def made(d, k=k):\n        return {'W1': np.ones(d[:2]) * k}\n    globals()[name] = made"),
    case("functions made by exec in a loop", IMPORT, "for name, k in {'f': 10, 'g': 3}.items():\n    exec(f'def {name}(d):\\n    return dict(W1=np.ones(d[:2]) * {k})')"),
)  # fmt: skip
# Code in texts, and modules that the notebook writes.
TEN = "def ten(x):\n    return x * 10\n"
TEXT = (
    case("exec of a name", IMPORT, f"code = {BODY!r}\nexec(code)"),
    case("exec of a name, globals", IMPORT, f"code = {BODY!r}", "exec(code, globals())"),
    case("exec of a triple-quoted text", IMPORT, f'code = """{BODY}"""', "exec(code)"),
    case("exec, dedented", "import textwrap\nimport numpy as np", 'code = """\n    def ten(x):\n        return x * 10\n    """\nexec(textwrap.dedent(code))', edited("* 10", "* ten(1)")),
    case("exec, put together", IMPORT, "code = 'def ten(x):\\n'\ncode += '    return x * 10'\nexec(code + '\\n')", edited("* 10", "* ten(1)")),
    case("compile, then exec", IMPORT, f"code = compile({BODY!r}, '<cell>', 'exec')\nexec(code)"),
    case("eval of compile", IMPORT, f"eval(compile({TEN!r}, '<cell>', 'exec'))", edited("* 10", "* ten(1)")),
    case("exec of a parsed text", "import ast", IMPORT, f"exec(compile(ast.parse({BODY!r}), 'x', 'exec'))"),
    case("run_cell of a name", IMPORT, f"code = {BODY!r}\nget_ipython().run_cell(code)"),
    case("run_cell, its result", IMPORT, f"result = get_ipython().run_cell({BODY!r})"),
    case("run_cell with a magic", IMPORT, f"get_ipython().run_cell('%%time\\n' + {BODY!r})"),
    case("exec in a condition", IMPORT, f"code = {TEN!r}\nif True:\n    exec(code)", edited("* 10", "* ten(1)")),
    case("written by open", IMPORT, f"open('fidelity_h.py', 'w').write({TEN!r})\nfrom fidelity_h import ten", edited("* 10", "* ten(1)")),
    case("written with open", f"with open('fidelity_i.py', 'w') as f:\n    f.write('import numpy as np\\n')\n    f.write({BODY!r})", "from fidelity_i import f"),
    case("written with Path", IMPORT, f"from pathlib import Path\nPath('fidelity_j.py').write_text({TEN!r})", "import fidelity_j", edited("* 10", "* fidelity_j.ten(1)")),
    case("written with a path in a name", IMPORT, f"import pathlib\npath = pathlib.Path('fidelity_k.py')\ncode = {TEN!r}\npath.write_text(code)", "from fidelity_k import ten as t", edited("* 10", "* t(1)")),
    case("written by print", IMPORT, "with open('fidelity_l.py', 'w') as out:\n    print('GAIN = 10', file=out)", "from fidelity_l import *", edited("* 10", "* GAIN")),
    case("written to a file that is open", IMPORT, "out = open('fidelity_m.py', 'w')\nout.write('GAIN = 5\\n')\nout.write('MORE = 2')\nout.close()", "from fidelity_m import GAIN, MORE", edited("* 10", "* GAIN * MORE")),
)  # fmt: skip
TABLES = {
    "standard": STANDARD,
    "numpy": NUMPY,
    "ways": WAYS,
    "identifiers": IDENTIFIERS,
    "magics": MAGICS,
    "left_in": LEFT_IN,
    "state": STATE,
    "made": MADE,
    "built": BUILT,
    "bound": BOUND,
    "objects": OBJECTS,
    "text": TEXT,
}
