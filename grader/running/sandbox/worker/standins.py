"""Stand-ins for libraries that a child does not have: they take every use that leaves the result alone.

Plots, progress bars and tables are left in many right functions.  What a stand-in returns is another stand-in.  Where
student code needs its value, as a number, a length or a truth, nobody here can know it: `StandInNeeded` is raised and remembered,
so that the function is held for a person.
"""

import dis
import sys
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

import notebook

LIBRARIES = frozenset(
    "IPython PIL altair autograd bokeh catboost cv2 cupy cycler datasets deepchem fastai gensim google graphviz gym h5py "
    "holoviews imageio ipykernel ipywidgets jax jaxlib joblib keras lightgbm lightning line_profiler matplotlib "
    "memory_profiler mlxtend mpl_toolkits mxnet networkx nltk nose notebook numba numexpr onnx openpyxl pandas patsy plotly "
    "psutil pycuda pydot pydotplus pylab pytest pytorch_lightning requests rich scipy seaborn skimage sklearn "
    "skopt spacy statsmodels sympy tabulate tensorboard tensorboardX tensorflow tensorflow_datasets tensorflow_probability "
    "termcolor tf_keras theano torch torchinfo torchsummary torchvision torchviz tqdm transformers tweepy typeguard "
    "typing_extensions wandb xarray xgboost xlrd xlwt yaml yellowbrick".split()
)
COURSE = frozenset(
    "init_utils public_tests test_utils testCases opt_utils reg_utils gc_utils planar_utils lr_utils dnn_utils "
    "dnn_app_utils utils_init outputs grader_utils".split()
)
PASSED_ON = (
    "no_grad",
    "no_grad()",
    "inference_mode",
    "inference_mode()",
    "typechecked",
    "profile",
    "interact",
    "interact()",
)

reached: list[str] = []  # names of the stand-ins whose values were needed


class StandInNeeded(BaseException):
    """The value of a stand-in is needed, and nobody here knows it; the grader knows this exception by its name."""


class StandIn:
    """Takes the place of anything in a library that is not here."""

    __array_ufunc__ = None  # NumPy leaves operators to the methods below

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> "StandIn":
        if name.startswith("__array") or (name[:2] == name[-2:] == "__" and name not in ("__version__", "__doc__")):
            if name in ("__array__", "__array_interface__", "__array_struct__"):
                needed(self)
            raise AttributeError(name)
        if name.startswith("_repr_") or name in ("_ipython_display_", "_ipython_canary_method_should_not_exist_"):
            raise AttributeError(name)
        return StandIn(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        """Take any attribute, and keep none."""

    def __delattr__(self, name: str) -> None:
        """Have no attribute to lose."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Return another stand-in; of a decorator that changes nothing, its function."""
        name: str = object.__getattribute__(self, "_name")
        if len(arguments) == 1 and isinstance(arguments[0], FunctionType) and name.endswith(PASSED_ON):
            return arguments[0]
        if name.endswith(".subplots"):
            return StandIn(f"{name}()"), axes(*arguments, **options)
        return StandIn(f"{name}()")

    def __getitem__(self, key: object) -> "StandIn":
        return StandIn(f"{object.__getattribute__(self, '_name')}[]")

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __delitem__(self, key: object) -> None:
        pass

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator["StandIn"]:
        """Fill the names of `a, b = …`; any other loop asks how many there are."""
        frame = sys._getframe(1)
        code, at = frame.f_code.co_code, frame.f_lasti
        if code[at] == dis.opmap["UNPACK_SEQUENCE"]:
            return iter([self[0]] * code[at + 1])
        raise needed(self)

    def __instancecheck__(self, instance: object) -> bool:
        if isinstance(instance, StandIn):
            raise needed(self)
        return False  # nothing of that library is here

    def __subclasscheck__(self, subclass: object) -> bool:
        return False

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        """Leave no base to a class that a student derives from a stand-in."""
        return ()

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_name')}>"

    def __format__(self, _: str) -> str:
        return repr(self)

    __hash__ = object.__hash__


def needed(value: StandIn) -> StandInNeeded:
    """Remember that the value of a stand-in was needed; return what is raised then."""
    name: str = object.__getattribute__(value, "_name")
    reached.append(name)
    return StandInNeeded(name)


def axes(nrows: int = 1, ncols: int = 1, *_: object, squeeze: bool = True, **__: object) -> Any:
    """Return as many stand-ins as a figure of this many rows and columns has axes."""
    import numpy as np

    grid = np.empty((nrows, ncols), object)
    for at in np.ndindex(grid.shape):
        grid[at] = StandIn("axes")
    if not squeeze:
        return grid
    return grid[0, 0] if grid.size == 1 else grid.squeeze()


def _another(self: StandIn, *_: object) -> StandIn:
    return StandIn(f"{object.__getattribute__(self, '_name')}…")


def _needed(self: StandIn, *_: object) -> Any:
    raise needed(self)


_OPERATORS = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or".split()
for _name in (
    *_OPERATORS,
    *(f"r{name}" for name in _OPERATORS),
    *(f"i{name}" for name in _OPERATORS if name != "divmod"),
):
    setattr(StandIn, f"__{_name}__", _another)
for _name in "lt le eq ne gt ge neg pos abs invert round".split():
    setattr(StandIn, f"__{_name}__", _another)
for _name in "bool int float complex index len contains next reversed bytes array fspath await".split():
    setattr(StandIn, f"__{_name}__", _needed)


class StandInModule(ModuleType):
    """A module that has every name."""

    __path__: MutableSequence[str] = []  # noqa: RUF012  # a package, for the import system

    def __getattr__(self, name: str) -> Any:
        if name[:2] == name[-2:] == "__" and name != "__version__":
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")


class StandIns(MetaPathFinder, Loader):
    """Imports stand-ins for the libraries and course helpers that a student's notebook may have had."""

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None",  # noqa: ARG002
        target: "ModuleType | None" = None,  # noqa: ARG002
    ) -> "ModuleSpec | None":
        """Return where a stand-in comes from, or None for a module of any other name."""
        return ModuleSpec(name, self, is_package=True) if is_stood_in(name) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a stand-in; a progress bar is a real loop."""
        module = StandInModule(spec.name)
        top = spec.name.partition(".")[0]
        if top == "tqdm":
            vars(module).update(tqdm=tqdm, trange=trange, tqdm_notebook=tqdm, tnrange=trange)
        if top == "IPython":
            vars(module).update(get_ipython=notebook.get_ipython)
            if spec.name.endswith(".display"):
                vars(module).update(display=notebook.display)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a stand-in has no code."""


def is_stood_in(name: str) -> bool:
    """Return whether a module is a library or a helper of the course that no child has."""
    top = name.partition(".")[0]
    return top in LIBRARIES or top.rstrip("0123456789").rstrip("_v") in COURSE or top.startswith("testCases")


class tqdm:  # noqa: N801  # its own name
    """A progress bar that nobody sees: it loops over what it was given."""

    def __init__(self, iterable: "Iterable[Any] | None" = None, *_: object, total: Any = None, **__: object) -> None:
        self.iterable, self.total, self.n = iterable, total, 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable or ())

    def __len__(self) -> int:
        return len(self.iterable) if hasattr(self.iterable, "__len__") else int(self.total or 0)  # type: ignore[arg-type]

    def __enter__(self) -> "tqdm":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        """Count steps."""
        self.n += n

    @classmethod
    def write(cls, *_: object, **__: object) -> None:
        """Do nothing."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


def trange(*arguments: int, **options: object) -> tqdm:
    """Return a progress bar over a range."""
    return tqdm(range(*arguments), **options)
