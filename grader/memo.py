"""Every cache that makes grading a class fast: one bounded memory, one way to make its keys, wrappers round the slow stages.

Results are the same without it.  A stage declares what it depends on as one frozen record, and the key is a hash of all of
that record; so a new input of a stage is in the key as soon as it is in the record.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Generic, TypeVar, cast

import msgspec
from markupsafe import Markup

from grader.exercise.limits import Limits
from grader.exercise.load import Exercise
from grader.exercise.starts import Cache
from grader.pipeline import Pipeline
from grader.prepare import Prepared
from grader.reading.extract.canonical import canonical
from grader.reading.extract.facts import Arguments, Fact, SyntaxFacts
from grader.reading.extract.scope import names_of_definition
from grader.records import Call, Function, FunctionEvidence, FunctionResult, Outcome, Source, TrainingRun
from grader.rendering.excerpt import Excerpt
from grader.rendering.html import Pieces, VerdictPieces
from grader.rendering.picture import PictureInput
from grader.running.gather import (
    CHEAP_SECONDS,
    Called,
    CallInput,
    Gatherer,
    Trained,
    TrainingInput,
    code_key,
    is_lasting,
    is_whole,
    sha256,
    trees,
)
from grader.running.repair import again
from grader.running.repairs import Repairer, RepairInput, Searched
from grader.running.sandbox import Sandbox
from grader.running.solution import Solution
from grader.running.train import no_time
from grader.verdict import VerdictInput, function_without_text, without_text

KnownOutcomes = Callable[[str], tuple[Outcome, ...] | None]  # by `code_key`
MOST_CALLED, MOST_ANSWERS, MOST_VERDICTS = 200, 256, 1000  # how many results a process remembers, by their size
MOST_HASHES = 256  # each holds what was hashed, some hundred kilobytes
MOST_SECTIONS, MOST_PICTURES = 160, 400  # of pages: some 50 kilobytes a function, and 20 a picture
MOST_EXCERPTS = 400  # texts of functions as pages show them; each has at most 15 kilobytes of lines
MOST_LINES = 4000  # texts of functions whose lines are in colour
MOST_TREES = 128  # cells whose syntax trees are remembered, and what is known of each; larger ones are not
MOST_TEXTS = 1000  # texts of statements of which only something small is remembered
MOST_FACT_CHARACTERS = 10_000
MOST_BYTES = 1 << 20  # of arrays of one function: what is larger is not remembered
Value = TypeVar("Value")


class Memo(Generic[Value]):
    """A bounded memory of results; the least recently used leaves first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._values: OrderedDict[object, Value] = OrderedDict()

    def get(self, key: object) -> Value | None:
        """Return a result, which is then the most recently used; None if there is none."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: object, value: Value) -> Value:
        """Remember a result as the most recently used, and return it."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self.most:
            self._values.popitem(last=False)
        return value


class Keys:
    """Makes the keys of caches: each is the hash of a whole record.

    What calls gave and trainings are large, and the same object comes again and again: these are hashed once an object.
    """

    def __init__(self) -> None:
        self._hashes: Memo[tuple[object, bytes]] = Memo(MOST_HASHES)

    def of(self, value: object) -> bytes:
        """Return the hash of a record, or of a value in one."""
        if isinstance(value, TrainingRun) or (isinstance(value, tuple) and value and isinstance(value[0], Outcome)):
            hashed = self._hashes.get(id(value))
            if hashed is None:  # the object is kept with its hash, so that no other can have its number
                hashed = self._hashes.put(id(value), (value, _sha256(value)))
            return hashed[1]
        if is_dataclass(value) and not isinstance(value, type | Function):
            parts = [self.of(getattr(value, field.name)) for field in fields(value)]
            return hashlib.sha256(b"".join(parts)).digest()
        return _sha256(value)


def _sha256(value: object) -> bytes:
    try:
        data = msgspec.msgpack.encode(value)
    except UnicodeEncodeError:  # half of a character, which a file may hold
        data = repr(value).encode("ascii", "backslashreplace")
    return hashlib.sha256(data).digest()


class RememberingSyntaxFacts(SyntaxFacts):
    """Works out once what cells and statements say: most of a class's are the course's own."""

    def __init__(self) -> None:
        super().__init__()
        self._memos: dict[object, Memo[tuple[object]]] = {}

    def of(self, function: Callable[Arguments, Fact], *arguments: Arguments.args, **named: Arguments.kwargs) -> Fact:
        """Return what a function returned for the same arguments, unless the first is a long text."""
        subject = arguments[0]
        if isinstance(subject, str) and len(subject) > MOST_FACT_CHARACTERS:
            return function(*arguments, **named)
        memo = self._memos.get(function)
        if memo is None:
            memo = Memo(MOST_TEXTS if function in (canonical, names_of_definition) else MOST_TREES)
            self._memos[function] = memo
        key = (*arguments, *named.items())
        fact = memo.get(key) or memo.put(key, (function(*arguments, **named),))
        return cast("Fact", fact[0])


class RememberingGatherer(Gatherer):
    """Calls equal functions once, and trains once from what they gave; each submission pays the time of the first.

    `outcomes` gives what a store has.  An error names a place in the text, so a function that had one is equal only to one of
    the same text.
    """

    def __init__(self, plain: Gatherer, keys: Keys, outcomes: KnownOutcomes | None) -> None:
        super().__init__(plain.exercise, plain.sandbox, plain.trainer, plain.secret)
        self._keys, self._outcomes = keys, outcomes
        self.called: Memo[Called] = Memo(MOST_CALLED)
        self.trained: Memo[Trained] = Memo(MOST_CALLED)
        self._sizes: Memo[tuple[Call, ...]] = Memo(MOST_CALLED)

    def calls(self, function: Function) -> tuple[Call, ...]:
        """Return the calls that this very code meets; they are asked for at each stage of a submission."""
        key = function.name, trees(function)
        return self._sizes.get(key) or self._sizes.put(key, super().calls(function))

    def call(self, given: CallInput) -> Called:
        """Return what equal functions gave before, in this process or in the store; or call the function."""
        bare = self._keys.of(replace(given, function=function_without_text(given.function)))
        called = self.called.get(bare) or self.called.get(self._keys.of(given))
        if called is not None:
            return called
        stored = self._outcomes(code_key(given.function, given.calls)) if self._outcomes else None
        called = Called(stored) if stored else super().call(given)
        size_bytes = sum(len(array.data) for outcome in called.outcomes for array in outcome.arrays.values())
        if called.seconds <= CHEAP_SECONDS and is_lasting(called.outcomes) and size_bytes <= MOST_BYTES:
            has_fault = any(outcome.fault for outcome in called.outcomes)
            self.called.put(self._keys.of(given) if has_fault else bare, called)
        return called

    def train(self, given: TrainingInput) -> Trained:
        """Return the training that was made before, if the submission has the time that it would take."""
        key = self._keys.of(given)
        trained = self.trained.get(key)
        if trained is not None:
            return trained if trained.most_seconds <= self.left_seconds else Trained(fault=no_time())
        trained = super().train(given)
        return trained if trained.fault == no_time() else self.trained.put(key, trained)


class RememberingSolution(Solution):
    """Measures each right answer once: most functions meet the same calls."""

    def __init__(self, plain: Solution) -> None:
        super().__init__(plain.functions, plain.sandbox)
        self.answers: Memo[Outcome] = Memo(MOST_ANSWERS)

    def outcomes(self, name: str, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        """Return what the right answer gives for each call; those that are not remembered are made."""
        answers = {call: self.answers.get((name, call)) for call in calls}
        missing = [call for call, answer in answers.items() if answer is None]
        measured = dict(zip(missing, super().outcomes(name, missing), strict=True)) if missing else {}
        for call, answer in measured.items():
            self.answers.put((name, call), answer)
        return tuple(answers[call] or measured[call] for call in calls)


@dataclass(frozen=True, slots=True)
class _RepairSearch:
    """A search for repairs, and the function for which it was made."""

    searched: Searched
    function: Function


class RememberingRepairer(Repairer):
    """Searches once for equal functions; where the text differs, the edits are read off it again."""

    def __init__(self, gatherer: Gatherer, solution: Solution, keys: Keys) -> None:
        super().__init__(gatherer, solution)
        self._keys = keys
        self.searches: Memo[_RepairSearch] = Memo(MOST_VERDICTS)

    def search(self, given: RepairInput) -> Searched:
        """Return what a search for an equal function gave, for this text; or search."""
        key = self._key(given)
        search = self.searches.get(key)
        if search is not None:
            searched = self._again(search, given.function)
            if searched is not None:
                return searched
        searched = super().search(given)
        if searched.is_right or searched.proof is not None:
            self.searches.put(key, _RepairSearch(searched, given.function))
        return searched

    def is_known_right(self, evidence: FunctionEvidence) -> bool:
        """Return whether a function is known to be right, so that no repair was searched for."""
        search = self.searches.get(self._key(RepairInput(evidence.function, evidence.outcomes)))
        return search is not None and search.searched.is_right

    def _key(self, given: RepairInput) -> bytes:
        return self._keys.of(replace(given, function=function_without_text(given.function)))

    def _again(self, search: _RepairSearch, function: Function) -> Searched | None:
        """Return the result of a search for an equal function, with the places of this one; None if it must be made again."""
        searched, proof = search.searched, search.searched.proof
        if proof is None:
            return searched
        if self.gatherer.left_seconds <= 0:
            return None
        if function.units == search.function.units:
            return searched
        repairs = again(function, self.solution.functions[function.name], proof)
        return None if repairs is None else replace(searched, proof=replace(proof, repairs=repairs))


class RememberingPipeline(Pipeline):
    """A pipeline that computes nothing twice: for a class.  Its results are those of `Pipeline`."""

    def __init__(
        self,
        exercise: Exercise,
        secret: bytes,
        *,
        cache: Cache | None = None,
        outcomes: KnownOutcomes | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._outcomes = outcomes
        self._keys = Keys()
        self.verdicts: Memo[FunctionResult] = Memo(MOST_VERDICTS)
        self._right_verdicts: Memo[FunctionResult] = Memo(len(exercise.names))
        self.facts = RememberingSyntaxFacts()
        super().__init__(exercise, secret, cache=cache, limits=limits)

    def _assemble(self, sandbox: Sandbox, secret: bytes, solved: Mapping[str, Function]) -> None:
        """Wrap the stages that run code."""
        super()._assemble(sandbox, secret, solved)
        self.gatherer = RememberingGatherer(self.gatherer, self._keys, self._outcomes)
        self.solution = RememberingSolution(self.solution)
        self.repairer = self._repairer = RememberingRepairer(self.gatherer, self.solution, self._keys)

    def verdict(self, given: VerdictInput, prepared: Prepared) -> FunctionResult:
        """Return the verdict on equal evidence; evidence that was cut short is not expected again."""
        key = self._keys.of(given)
        result = self.verdicts.get(key)
        if result is None:
            result = self._verdict_on_right(given, prepared) or super().verdict(given, prepared)
            if is_whole(given.evidence):
                self.verdicts.put(key, result)
        return result

    def _verdict_on_right(self, given: VerdictInput, prepared: Prepared) -> FunctionResult | None:
        """Return the solution's own verdict for what gave the same on every call; None if it trains differently."""
        evidence = given.evidence
        name = evidence.function.name
        right = prepared.answers[name].recovered.evidence if name in prepared.answers else None
        if right is None or given.fault or evidence.function.message or evidence.broken:
            return None
        same_training = self._keys.of(evidence.training) == self._keys.of(right.training)
        if not same_training or not self._repairer.is_known_right(evidence):
            return None
        result = self._right_verdicts.get(name)
        if result is None:
            own = VerdictInput(without_text(right), None)
            result = self._right_verdicts.put(name, super().verdict(own, prepared))
        return replace(result, evidence_sha256=sha256(evidence))


class RememberingPieces(Pieces):
    """Writes equal pieces of pages once: sections of equal verdicts, pictures of equal runs, and lines of code."""

    def __init__(self) -> None:
        self.sections: Memo[tuple[Markup, ...]] = Memo(MOST_SECTIONS)
        self.pictures: Memo[Markup] = Memo(MOST_PICTURES)
        self.excerpts: Memo[Excerpt] = Memo(MOST_EXCERPTS)
        self.lines: Memo[tuple[Markup, ...]] = Memo(MOST_LINES)

    def picture(self, given: PictureInput) -> Markup:
        """Return the picture of equal runs."""
        key = _sha256(given)
        return self.pictures.get(key) or self.pictures.put(key, super().picture(given))

    def verdict(self, given: VerdictPieces) -> tuple[Markup, ...]:
        """Return the pieces of an equal verdict."""
        key = _sha256(given)
        return self.sections.get(key) or self.sections.put(key, super().verdict(given))

    def excerpt(self, source: Source) -> Excerpt:
        """Return the lines that are shown of an equal text at an equal line of its cell."""
        key = source.code, source.line
        return self.excerpts.get(key) or self.excerpts.put(key, super().excerpt(source))

    def coloured(self, code: str) -> tuple[Markup, ...]:
        """Return the lines of equal code."""
        return self.lines.get(code) or self.lines.put(code, super().coloured(code))
