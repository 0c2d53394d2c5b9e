"""The words for each cause: what is so, what to do, and why, filled with what was measured.

A *slip* is against what the task text states: a factor, the seed, a shape; a *misconception* is an idea about initialization
that does not hold here, so the catalogue has a reason for it.
"""

from __future__ import annotations

from grader.exercise.quotes import Quotes
from grader.explaining import one_by_one
from grader.explaining.advice import advise
from grader.explaining.numbers import plain
from grader.judging.diagnosis import Case
from grader.judging.diagnosis import text as texts
from grader.judging.diagnosis.causes import OF_SIZES
from grader.messages import has_words, say
from grader.records import Cause, Diagnosis, KnownFault, Number, Table
from grader.records.wording import SMALLEST_POINT, power


def cause_title(cause: str, *, is_assigned: bool = False) -> str | None:
    """Return a cause in a few words, for tables; None if the catalogue has none for it."""
    name = _name(cause, is_assigned=is_assigned)
    return say(f"causes.{name}.title") if has_words(f"causes.{name}.title") else None


def action(cause: str, *, yours: str | None, asked: str | None, seed: int | None, is_assigned: bool = False) -> str:
    """Return what to do about a cause; behind a semicolon is what this function gives, which a class does not share."""
    name, variant = _action_name(cause, yours=yours, asked=asked, is_assigned=is_assigned)
    return say(f"causes.{name}.action{variant}", yours=yours, asked=asked, seed=seed)


def _action_name(cause: str, *, yours: str | None, asked: str | None, is_assigned: bool) -> tuple[str, str]:
    """Return under which name the catalogue has what to do about a cause, and the end of the id of a variant."""
    if cause == "weights_constant" and asked is None:  # where zeros are asked for, another constant is the wrong one
        cause = "weights_not_zero"
    if cause == "scale_other" and not yours:
        return cause, ".unmeasured"
    return _name(cause, is_assigned=is_assigned), ""


def _name(cause: str, *, is_assigned: bool) -> str:
    """Return under which name a cause has its words: a seed that is missing because it was assigned has its own."""
    return "seed_assigned" if is_assigned and cause in ("seed_missing", "seed_outside") else cause


def tell(
    cause: str,
    mine: Diagnosis,
    asked: Diagnosis,
    known: KnownFault | None = None,
    quotes: Quotes | None = None,
    case: Case | None = None,
) -> Cause:
    """Return a cause with its words: what was written and asked for, as far as it is known, and the reason.

    `known` is the proved fault; it says where this cause is if no other is left.  `quotes` has what the exercise says of others,
    `case` what came back; without it the words are those that hold for everybody.

    Raises
    ------
    KeyError
        If the catalogue has no words for the cause.
    """
    title = cause_title(cause, is_assigned=mine.seed_assigned)
    if title is None:
        raise KeyError(cause)
    reason = _reason(cause, mine, asked, quotes)
    general = action(
        cause, yours=mine.scale_formula, asked=asked.scale_formula, seed=asked.seed, is_assigned=mine.seed_assigned
    )
    name, variant = _action_name(
        cause, yours=mine.scale_formula, asked=asked.scale_formula, is_assigned=mine.seed_assigned
    )
    general_id = f"causes.{name}.action{variant}"
    own_words = one_by_one.action(cause, case) if case else None
    advice = advise(cause, case) if case and not mine.seed_assigned else None
    proved = known.place if known and mine.causes == (cause,) else None
    return Cause(
        code=cause,
        kind="misconception" if reason else "slip",
        title=(advice.title if advice else "") or title,
        action=advice.action if advice else own_words or general,
        reason=reason,
        wrote=_own_text(cause, case.evidence.function.code) if case else None,
        asked=_wanted(cause, asked),
        factors=_factors(mine, asked) if cause.startswith("scale_") else None,
        place=proved or (advice.place if advice else None),
        message_id=advice.message_id if advice else "" if own_words else general_id,
    )


def _factors(mine: Diagnosis, asked: Diagnosis) -> Table | None:
    """Set the measured factors beside those asked for, layer by layer."""
    if not mine.scale or not asked.scale or len(mine.scale) != len(asked.scale):
        return None
    rows = enumerate(zip(mine.scale, asked.scale, strict=True), start=1)
    return Table(
        say("causes.factors"),
        tuple(say(f"causes.factors.{column}") for column in ("weights", "yours", "asked")),
        tuple((f"W{layer}", _factor(factor), _factor(required)) for layer, (factor, required) in rows),
    )


def _factor(factor: Number) -> str:
    if isinstance(factor, str):
        return factor
    if 0 < abs(factor) < 10.0**SMALLEST_POINT:
        return power(factor, 4)
    return plain(factor) if abs(factor) >= 100 else f"{factor:.4g}"


def _reason(cause: str, mine: Diagnosis, asked: Diagnosis, quotes: Quotes | None) -> str:
    if cause == "weights_constant" and asked.scale_formula is None:
        return ""
    if cause in OF_SIZES and "n_in" not in (asked.scale_formula or ""):
        return ""
    if cause == "scale_sqrt_missing":
        rule = asked.scale_formula or ""
        variance = rule.removeprefix("sqrt(").removesuffix(")")
        return (
            say("causes.scale_sqrt_missing.reason", variance=variance, asked=rule)
            if rule == f"sqrt({variance})"
            else ""
        )
    if cause != "scale_constant":
        return say(f"causes.{cause}.reason") if has_words(f"causes.{cause}.reason") else ""
    try:
        number, wanted = float(mine.scale_formula or ""), float(asked.scale_formula or "")
    except ValueError:  # a rule of the sizes is asked for, a number was written
        return say("causes.scale_constant.reason")
    return quotes.earlier if quotes and abs(number) < 1 < wanted else ""


def _own_text(cause: str, code: str) -> str | None:
    """Return the student's own text that a cause is about, where there is just one such place."""
    if cause in ("seed_other", "seed_per_layer"):
        return texts.seeding(code)
    if cause.startswith("scale_") or cause in ("uniform_not_normal", "weights_shifted", "other_generator"):
        return texts.drawing(code)
    return None


def _wanted(cause: str, asked: Diagnosis) -> str | None:
    """Return what is asked for where a cause is."""
    if cause in ("seed_missing", "seed_outside", "seed_other", "seed_per_layer"):
        return None if asked.seed is None else f"np.random.seed({asked.seed})"
    return (
        say("causes.factor", formula=asked.scale_formula)
        if cause.startswith("scale_") and asked.scale_formula
        else None
    )
