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
}
