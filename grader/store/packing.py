"""Evidence as it is stored: what calls gave apart from the rest, named by its content, so that equal answers are kept once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from grader.records import Evidence, Outcome


@dataclass(frozen=True, slots=True)
class EvidenceKeys:
    """What a function's evidence is found by.

    `code` names the syntax tree with its calls (empty if that does not mean the same result again), `alike` is the
    result's hash of what the public calls gave, `outcomes` names all that they gave, `training` the start that was trained;
    empty where there is none.
    """

    code: str = ""
    alike: str = ""
    outcomes: str = ""
    training: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """Evidence in bytes: the head, what calls gave by the name of its content, and the keys of each function."""

    head: bytes
    outcomes: Mapping[str, bytes]
    keys: Mapping[str, EvidenceKeys]


def pack_evidence(evidence: Evidence, known_keys: Mapping[str, EvidenceKeys] | None = None) -> Packed:
    """Return evidence in bytes; `known` holds the other keys by function, which its makers know.

    Where a function's keys are known whole, what its calls gave is in the store already and is not written out again.
    """
    outcomes, keys, heads = dict[str, bytes](), {}, {}
    for name, function in evidence.functions.items():
        heads[name] = replace(function, outcomes=())
        if known_keys and known_keys[name].outcomes:
            keys[name] = known_keys[name]
            continue
        data = msgspec.msgpack.encode(function.outcomes) if function.outcomes else b""
        content = hashlib.sha256(data).hexdigest() if data else ""
        if data:
            outcomes[content] = data
        keys[name] = replace((known_keys or {}).get(name, EvidenceKeys()), outcomes=content)
    return Packed(msgspec.msgpack.encode(replace(evidence, functions=heads)), outcomes, keys)


def unpack_evidence(head: bytes, outcomes: Mapping[str, bytes]) -> Evidence:
    """Return evidence from its head and what the calls of each function gave, by function."""
    evidence = msgspec.msgpack.decode(head, type=Evidence)
    functions = {
        name: replace(function, outcomes=unpack_outcomes(outcomes[name])) if name in outcomes else function
        for name, function in evidence.functions.items()
    }
    return replace(evidence, functions=functions)


def unpack_outcomes(data: bytes) -> tuple[Outcome, ...]:
    """Return what calls gave.

    Raises
    ------
    msgspec.DecodeError
        If an older grader kept it in another form.
    """
    return msgspec.msgpack.decode(data, type=tuple[Outcome, ...])


def seal(data: bytes) -> bytes:
    """Return bytes with their checksum before them: SQLite notices a damaged page, but not a damaged number."""
    return zlib.crc32(data).to_bytes(4, "big") + data


def unseal(sealed: bytes) -> bytes | None:
    """Return what was sealed, or None if it is damaged."""
    data = sealed[4:]
    return data if sealed[:4] == zlib.crc32(data).to_bytes(4, "big") else None


def is_whole(key: str, data: bytes) -> bool:
    """Whether what calls gave is what its name says."""
    return hashlib.sha256(data).hexdigest() == key
