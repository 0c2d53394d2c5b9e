"""reference/<name>/exercise.toml -> Exercise: what is asked, how it is called, and what each check is worth."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import msgspec.toml

from grader import messages, resources
from grader.errors import ExerciseError
from grader.exercise import places
from grader.exercise.limits import Limits
from grader.exercise.training import CIRCLES, FLOWER, Activation, CostSum, Model
from grader.messages import say
from grader.records import Call, DataSet, PointSet, Show

DEFAULT = "dls-c2w1-initialization"
# Set before a call by us; any seed that a student would choose is far smaller, so no draw is taken for the other.
AMBIENT_SEEDS = (2_718_281_828, 3_141_592_653)
RTOL = 1e-7  # of the comparison with the reference, which draws the very same numbers
MOST_TOLERANCE = 0.01  # more would let another rule pass
MOST_POINTS = 900  # more would train too slowly
MOST_WORDS = 1000  # characters of a note, or of words for a check
_ADDRESS = re.compile(r"https?://[^\s#\"'<>]+", re.ASCII)  # of a web page, to which a fragment can be added
_SECRET_DEPTHS = (1, 4, 6)
_SECRET_SIZES = range(2, 32)


@dataclass(frozen=True, slots=True)
class Task:
    """One function that is asked for: its sizes in the notebook and in the course's visible test, and its points.

    `parameters` are the names under which it takes the sizes one by one; none: it takes one list.  `seed_before` is the seed
    that the notebook sets before it calls the function, which then need not set it; None: the function has to.
    """

    name: str
    short: str
    asks: str
    notebook_call: tuple[int, ...]
    course_test: tuple[int, ...]
    points: Mapping[str, float]
    parameters: tuple[str, ...] = ()
    seed_before: int | None = None

    @property
    def possible(self) -> float:
        """The points that the whole function is worth."""
        return sum(self.points.values())


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise as its folder under reference/ describes it.

    A number is right within `rtol` of the reference's, or within `atol`.  `note` is on every
    page; `check_words` are added to what is said of a check that failed, by the check's name.  `lab_url` is where the lab
    of the exercise is, for pages without files beside them.  `language` is that of all sentences.  At
    `compare_rates` a small scale is measured too, to compare.
    """

    name: str
    title: str
    sha256: str
    policy: Literal["partial", "course"]
    model: Model
    limits: Limits
    given: Mapping[str, str]
    tasks: tuple[Task, ...]
    public_calls: tuple[tuple[int, ...], ...]
    large_call: tuple[int, ...]
    folder: Path
    show: Show = "line"
    note: str = ""
    check_words: Mapping[str, str] = field(default_factory=dict)
    rtol: float = RTOL
    atol: float = 0.0
    lab_url: str = ""
    compare_rates: tuple[float, ...] = ()
    language: str = messages.SOURCE

    @property
    def possible(self) -> float:
        """The points that the whole exercise is worth."""
        return sum(task.possible for task in self.tasks)

    @property
    def evidence_sha256(self) -> str:
        """The hash of what decides evidence: not points, policy or words, which judge the same evidence again."""
        called = [(task.name, task.notebook_call, task.course_test, *_how(task)) for task in self.tasks]
        decides = (self.name, self.model, self.limits, self.given, called, self.public_calls, self.large_call)
        solution = (self.folder / "solution.ipynb").read_bytes()
        language = "" if self.language == messages.SOURCE else self.language  # evidence holds sentences about the file
        return hashlib.sha256(repr(decides).encode() + solution + language.encode()).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the functions, in order."""
        return tuple(task.name for task in self.tasks)

    def calls(self, task: Task, key: bytes) -> tuple[Call, ...]:
        """Return the calls of a function: small sizes first, each with both ambient seeds, the large one for statistics last.

        `key` is what the sizes that nobody shall know are drawn from.  Where the notebook sets a seed before it calls the
        function, both ambient seeds are this.
        """
        public = dict.fromkeys((task.notebook_call, task.course_test, self.model.layers, *self.public_calls))
        depths = (len(task.parameters) - 1,) * len(_SECRET_DEPTHS) if task.parameters else _SECRET_DEPTHS
        sizes = [(layers, True) for layers in public]
        sizes += [(layers, False) for layers in _secret_sizes(key, self.name, depths)]
        seeds = AMBIENT_SEEDS if task.seed_before is None else (task.seed_before,) * len(AMBIENT_SEEDS)
        small = [Call(layers, seed, public, task.parameters) for layers, public in sizes for seed in seeds]
        return (*small, Call(self.large_call, seeds[0], parameters=task.parameters))


def _how(task: Task) -> tuple[object, ...]:
    """Return how a function is called, if not as usual: hashes of evidence that was stored before hold."""
    return (task.parameters, task.seed_before) if task.parameters or task.seed_before is not None else ()


def load(name_or_path: str = DEFAULT, checks: Mapping[str, object] | None = None) -> Exercise:
    """Read an exercise by its name under reference/ or by the path of its folder, which has a separator (`./mine`).

    Raises
    ------
    ExerciseError
        If there is none, or if its exercise.toml is not usable; the message names the line.
    """
    folder = _folder(name_or_path)
    path = folder / "exercise.toml"
    try:
        text = path.read_text(encoding="utf-8")
        table = msgspec.toml.decode(text)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ExerciseError(
            say("exercise.unreadable", path=path, reason=error), hint=say("exercise.unreadable.hint")
        ) from None
    try:
        exercise = _exercise(table, folder, text)
    except msgspec.ValidationError as error:
        raise _wrong_value(path, text, table, str(error)) from None
    _check_sizes(exercise, path, text)
    if checks is not None:
        _check_points(exercise, table, path, text, checks)
        _require_words(exercise, path, text, checks)
    if exercise.lab_url and not _ADDRESS.fullmatch(exercise.lab_url):
        raise _at(path, text, say("exercise.lab_url", url=exercise.lab_url), "", "lab_url")
    for key, value, least in (("rtol", exercise.rtol, RTOL), ("atol", exercise.atol, 0.0)):
        if not least <= value <= MOST_TOLERANCE:
            problem = say("exercise.tolerance", key=key, value=value, least=least, most=MOST_TOLERANCE)
            raise _at(path, text, problem, "tolerances", key)
    return exercise


class _Points(msgspec.Struct, forbid_unknown_fields=True):
    """A function's table in exercise.toml."""

    short: str
    asks: str
    notebook_call: tuple[int, ...]
    course_test: tuple[int, ...]
    possible: float
    points: dict[str, float]
    parameters: tuple[str, ...] = ()
    seed_before: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = None


class _ModelTable(msgspec.Struct, forbid_unknown_fields=True):
    """The model's table in exercise.toml."""

    layers: tuple[int, ...]
    learning_rate: float
    iterations: int
    hidden: Activation = "relu"
    cost: CostSum = "nansum"
    data: DataSet = "circles"
    train_points: int | None = None
    test_points: int | None = None
    compare_rates: tuple[float, ...] = ()


class _Calls(msgspec.Struct, forbid_unknown_fields=True):
    """The calls' table in exercise.toml."""

    public: tuple[tuple[int, ...], ...]
    large: tuple[int, ...]


class _Tolerances(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The table of tolerances in exercise.toml: how far a number may lie from the reference's."""

    rtol: float = RTOL
    atol: float = 0.0


class _WordsTable(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The table of an instructor's own words in exercise.toml."""

    note: str = ""
    checks: dict[str, str] = {}
    language: str = ""
    messages: str = ""
    reviewed_by: str = ""


class ExerciseTable(msgspec.Struct, forbid_unknown_fields=True):
    """All tables of the file exercise.toml."""

    name: str
    title: str
    policy: Literal["partial", "course"]
    given: dict[str, str]
    limits: dict[str, int | float]
    model: _ModelTable
    calls: _Calls
    functions: dict[str, _Points]
    show: Show = "line"
    lab_url: str = ""
    words: _WordsTable = _WordsTable()
    tolerances: _Tolerances = _Tolerances()


def _folder(name_or_path: str) -> Path:
    """Return the absolute path of an exercise's folder: a bare name never leads to a folder that happens to be here."""
    is_path = any(separator in name_or_path for separator in (os.sep, os.altsep) if separator)
    folder = Path(name_or_path).absolute() if is_path else resources.reference() / name_or_path
    shipped = sorted(path.parent.name for path in resources.reference().glob("*/exercise.toml"))
    if is_path and _is_exercise(folder):
        return folder
    if not is_path and name_or_path in shipped:
        return folder
    hint = say("exercise.shipped", shipped=shipped)
    if near := get_close_matches(name_or_path, shipped, n=1):
        hint = say("exercise.near", near=near[0])
    if not is_path and _is_exercise(Path(name_or_path)):
        hint = say("exercise.here", sep=os.sep, name_or_path=name_or_path)
    raise ExerciseError(say("exercise.none", name_or_path=name_or_path), hint=hint)


def _is_exercise(folder: Path) -> bool:
    try:
        return (folder / "exercise.toml").is_file()
    except (OSError, ValueError):  # no path can look like this
        return False


def _exercise(table: dict[str, Any], folder: Path, text: str) -> Exercise:
    file = msgspec.convert(table, ExerciseTable)
    wording = _wording(file.words, folder)
    messages.use(wording.language, wording.own, wording.reviewed_by)
    tasks = tuple(_task(name, entry) for name, entry in file.functions.items())
    return Exercise(
        name=file.name,
        title=file.title,
        sha256=_sha256(folder, text, wording),
        policy=file.policy,
        model=_model(file.model),
        compare_rates=file.model.compare_rates,
        limits=_limits(file.limits),
        given=file.given,
        tasks=tasks,
        public_calls=file.calls.public,
        large_call=file.calls.large,
        folder=folder,
        show=file.show,
        note=file.words.note.strip(),
        check_words=file.words.checks,
        rtol=file.tolerances.rtol,
        lab_url=file.lab_url.strip(),
        atol=file.tolerances.atol,
        language=wording.language,
    )


def _task(name: str, entry: _Points) -> Task:
    settings = msgspec.structs.asdict(entry)
    del settings["possible"]  # what the points add up to, which is checked
    return Task(name, **settings)


def _model(table: _ModelTable) -> Model:
    """Return the model, with the points that its data set has where the file names no number of them."""
    usual = {"circles": CIRCLES, "flower": FLOWER}[table.data]
    train = usual.train if table.train_points is None else table.train_points
    test = usual.test if table.test_points is None else table.test_points
    points = PointSet(table.data, train, test)
    return Model(table.layers, table.learning_rate, table.iterations, table.hidden, points, table.cost)


def _check_sizes(exercise: Exercise, path: Path, text: str) -> None:
    """Refuse a model that cannot train, points that a data set cannot have, and sizes that a function cannot take."""
    model, points = exercise.model, exercise.model.points
    layers = model.layers
    for key, fits in (
        ("layers", len(layers) > 1 and (layers[0], layers[-1]) == (2, 1) and min(layers) > 0),
        ("learning_rate", 0 < model.learning_rate < float("inf")),
        ("iterations", model.iterations > 0),
        ("compare_rates", all(0 < rate < float("inf") for rate in exercise.compare_rates)),
    ):
        if not fits:
            raise _at(path, text, say(f"exercise.model.{key}"), "model", key)
    most = {"circles": MOST_POINTS, "flower": 0}[points.data]
    for key, count, least, top in (
        ("train_points", points.train, 2, MOST_POINTS),
        ("test_points", points.test, 0, most),
    ):
        if not least <= count <= top or count % 2:
            problem = say("exercise.points.count", key=key, count=count, least=least, most=top, data=points.data)
            raise _at(path, text, problem, "model", key)
    for task in exercise.tasks:
        section, wanted = f"functions.{task.name}", len(task.parameters)
        names = task.parameters
        if names and (wanted < 2 or len(set(names)) < wanted or not all(name.isidentifier() for name in names)):
            raise _at(path, text, say("exercise.parameters"), section, "parameters")
        lists = {
            (section, "notebook_call"): [task.notebook_call],
            (section, "course_test"): [task.course_test],
            ("model", "layers"): [exercise.model.layers],
            ("calls", "public"): exercise.public_calls,
            ("calls", "large"): [exercise.large_call],
        }
        for (table, key), sizes in lists.items():
            other = next((size for size in sizes if len(size) != wanted), None)
            if names and other is not None:
                problem = say(
                    "exercise.parameters.sizes",
                    task=task.name,
                    names=", ".join(names),
                    wanted=wanted,
                    key=key,
                    sizes=str(list(other)),
                )
                raise _at(path, text, problem, table, key)


def _limits(table: Mapping[str, int | float]) -> Limits:
    """Return the bounds of a job: the defaults with those that the file sets."""
    limits = msgspec.to_builtins(Limits())
    for name, value in table.items():
        if name not in limits:
            problem = say("exercise.limit.unknown", name=name, known=list(limits))
        elif not 0 < value < float("inf"):
            problem = say("exercise.limit.positive", name=name, value=value)
        elif not isinstance(value, type(limits[name])) and not isinstance(limits[name], float):
            problem = say("exercise.limit.whole", name=name, value=value)
        else:
            continue
        raise msgspec.ValidationError(f"{problem} - at `$.limits.{name}`")
    return msgspec.convert({**limits, **table}, Limits)


def _wording(words: _WordsTable, folder: Path) -> messages.Wording:
    """Return the language and the folder of messages; the environment, which has --lang and --messages, comes first."""
    named_languages = (os.environ.get(messages.LANGUAGE), words.language, os.environ.get(messages.SYSTEM_LANGUAGE))
    language = next(filter(None, named_languages), messages.SOURCE)
    named = os.environ.get(messages.FOLDER)
    own = Path(named) if named else folder / words.messages if words.messages else None
    reviewed_by = words.reviewed_by.strip() if words.language == language else ""  # who reviewed that one
    return messages.Wording(messages.nearest(language) or language, own and own.absolute(), reviewed_by)


def _sha256(folder: Path, text: str, wording: messages.Wording) -> str:
    """Return the hash of what decides verdicts and their words: the table, the solution, and messages that are not shipped."""
    solution = folder / "solution.ipynb"
    try:
        digest = hashlib.sha256(text.encode() + solution.read_bytes())
    except OSError as error:
        problem = say("exercise.solution.unreadable", path=solution, reason=error.strerror)
        raise ExerciseError(problem, hint=say("exercise.solution.unreadable.hint")) from None
    digest.update(wording.identity())
    return digest.hexdigest()


def _check_points(
    exercise: Exercise, table: dict[str, Any], path: Path, text: str, checks: Mapping[str, object]
) -> None:
    """Refuse checks that do not exist and points that do not add up."""
    for task in exercise.tasks:
        section = f"functions.{task.name}.points"
        for check, worth in task.points.items():
            if check not in checks:
                problem = say("exercise.check.unknown", check=check, checks=list(checks))
                raise _at(path, text, problem, section, check)
            if not 0 <= worth < float("inf"):
                raise _at(path, text, say("exercise.check.worth", check=check, worth=worth), section, check)
        declared = table["functions"][task.name]["possible"]
        if abs(task.possible - declared) > 1e-9:
            problem = say("exercise.points.sum", task=task.name, possible=task.possible, declared=declared)
            raise _at(path, text, problem, f"functions.{task.name}", "possible")


def _require_words(exercise: Exercise, path: Path, text: str, checks: Mapping[str, object]) -> None:
    """Refuse words for checks that do not exist, and words that are too long for a page."""
    if len(exercise.note) > MOST_WORDS:
        raise _at(path, text, say("exercise.note.long", most=MOST_WORDS), "words", "note")
    for check, words in exercise.check_words.items():
        if check not in checks:
            problem = say("exercise.check.unknown", check=check, checks=list(checks))
            raise _at(path, text, problem, "words.checks", check)
        if not 0 < len(words.strip()) <= MOST_WORDS:
            problem = say("exercise.words.long", check=check, most=MOST_WORDS)
            raise _at(path, text, problem, "words.checks", check)


def _at(path: Path, text: str, problem: str, section: str, key: str = "", hint: str = "") -> ExerciseError:
    """Make the error that names the line of a key in a section of the file."""
    line = places.line_of(text, section, key)
    return ExerciseError(f"{path}, line {line}: {problem}", hint=hint or say("exercise.line.hint"))


def _wrong_value(path: Path, text: str, table: Mapping[str, Any], message: str) -> ExerciseError:
    """Make the error for a file that does not have the form of an exercise; it says what to write, as the shipped file has it."""
    place = places.place_of(message, table, lambda changed: msgspec.convert(changed, ExerciseTable))
    setting = f"{place.key} in [{place.section}]" if place.section else place.key
    settings = _settings(place.section)
    near = get_close_matches(place.key, settings, n=1)
    if place.problem == "missing":
        return _at(path, text, say("exercise.value.missing", setting=setting), place.section, "", _example(place))
    if place.problem == "unknown":
        hint = say("exercise.value.near", near=near[0]) if near else say("exercise.value.settings", names=settings)
        return _at(path, text, say("exercise.value.unknown", setting=setting), place.section, place.key, hint)
    if place.section == "limits":
        hint = say("exercise.value.near", near=near[0]) if near and place.key not in settings else _example(place)
        return _at(path, text, place.message, place.section, place.key, hint)
    problem = say("exercise.value.wrong", setting=setting, message=place.message)
    return _at(path, text, problem, place.section, place.key, _example(place))


def _settings(section: str) -> list[str]:
    """Return the names of the settings of a section."""
    if section == "limits":
        return list(msgspec.to_builtins(Limits()))
    tables: dict[str, type[msgspec.Struct]] = {
        "": ExerciseTable,
        "model": _ModelTable,
        "calls": _Calls,
        "functions": _Points,
        "tolerances": _Tolerances,
        "words": _WordsTable,
    }
    table = tables.get(section.split(".", maxsplit=1)[0])
    return list(table.__struct_fields__) if table else []


def _example(place: places.KeyPlace) -> str:
    """Return the hint that shows how the shipped exercise writes a setting, where it has it."""
    shipped = msgspec.toml.decode((resources.reference() / DEFAULT / "exercise.toml").read_bytes())
    path = place.path
    if path[:1] == ("functions",) and len(path) > 1:
        path = ("functions", next(iter(shipped["functions"])), *path[2:])
    value = places.value_at(shipped, (*path, place.key))
    if value is None or isinstance(value, Mapping):
        return say("exercise.line.hint")
    return say("exercise.value.example", example=f"{place.key} = {json.dumps(value)}")


def _secret_sizes(key: bytes, name: str, depths: Sequence[int]) -> list[tuple[int, ...]]:
    """Return layer sizes that nobody can know who does not know the key: unusual depths, no size twice."""
    digest = hmac.new(key, name.encode(), hashlib.sha256).digest()
    rng = random.Random(digest)  # noqa: S311  # the digest is the secret; this only spreads it
    sizes = [tuple(rng.sample(_SECRET_SIZES, depth + 1)) for depth in depths]
    return [layers for layers in sizes if all(low != high for low, high in pairwise(layers))]
