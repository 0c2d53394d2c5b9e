"""The border: what comes back from student code, how it ends, and what it cannot do."""

from __future__ import annotations

import contextlib
import os
import platform
import select
import signal
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.exercise.limits import Limits
from grader.records import Array, Call, Function, Place, Unit
from grader.running.sandbox import OWN_FAULTS, Sandbox, Variants, wire
from grader.running.sandbox.server import Ending, OnceServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")
CALLS = (Call((3, 2, 1), 11), Call((2, 4, 1), 12))
LIMITS = Limits(cpu_seconds=1, wall_seconds=60.0)  # a busy machine may need long for what computes little


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(LIMITS) as running:
        yield running


def function(source: str) -> Function:
    return Function("f", "found", units=(Unit(source, Place(10, 7)),))


def run(sandbox: Sandbox, source: str):
    return sandbox.run(function(source), CALLS)


def test_arrays_come_back_with_type_dtype_and_shape(sandbox):
    first, second = run(
        sandbox,
        "import numpy as np\ndef f(d):\n    return {'W': np.ones((d[1], d[0])), 'n': 3, 'l': [[1, 2]], 'h': np.float32([1])}",
    )
    assert first.arrays["W"] == Array.of([[1.0] * 3] * 2)
    assert second.arrays["W"].shape == (4, 2)
    assert [(a.type_name, a.dtype, a.shape) for a in first.arrays.values()][1:] == [
        ("int", "int64", ()),
        ("list", "int64", (1, 2)),
        ("ndarray", "float32", (1,)),
    ]


def test_the_ambient_seed_is_set_before_each_call(sandbox):
    source = "import numpy as np\nnp.random.seed(99)\ndef f(d):\n    return {'W': np.random.randn(2)}"
    drawn = [outcome.numpy("W") for outcome in run(sandbox, source)]
    rng = __import__("numpy").random.RandomState
    assert [list(array) for array in drawn] == [list(rng(call.ambient_seed).randn(2)) for call in CALLS]


def test_nan_and_inf_cross(sandbox):
    (outcome, _) = run(sandbox, "def f(d):\n    return {'W': float('nan'), 'b': [float('inf')]}")
    assert str(outcome.numpy("W")) == "nan"


@pytest.mark.parametrize(
    ("source", "ended", "says"),
    [
        ("def f(d):\n    return math.pi", "raised", "NameError: name 'math' is not defined"),
        ("def f(d):\n    raise KeyError('x')", "raised", "KeyError: 'x'"),
        ("def f(d):\n    import sys; sys.exit(0)", "raised", "SystemExit: 0"),
        ("import not_there\ndef f(d):\n    pass", "raised", "No module named 'not_there'"),
        ("def f(d):\n    return input()", "raised", "EOFError"),
        ("def f(d):\n    return None", "refused", "None instead of a dictionary"),
        ("def f(d):\n    return [1]", "refused", "a list instead of a dictionary"),
        ("def f(d):\n    return {'W1': None}", "refused", "'W1' is None"),
        ("def f(d):\n    return {'W1': 'x'}", "refused", "cannot be read as numbers"),
        ("def f(d):\n    return {'W1': [[1], [1, 2]]}", "refused", "cannot be read as numbers"),
        ("def f(d):\n    return {'W1': 1j}", "refused", "cannot be read as numbers"),
        ("def f(d):\n    return {'W1': {}}", "refused", "cannot be read as numbers"),
        ("def f(d):\n    return {str(i): 0 for i in range(100)}", "refused", "100 entries"),
        ("import numpy as np\ndef f(d):\n    return {'W': np.zeros((2000, 2000))}", "refused", "shape (2000, 2000)"),
        ("def f(d):\n    return {'W': bytearray(10**10)}", "out_of_memory", "MemoryError"),
        ("import numpy as np\ndef f(d):\n    return {'W': np.ones(10**9)}", "out_of_memory", "Unable to allocate"),
        ("import os\ndef f(d):\n    os._exit(0)", "crashed", "exit code 0"),
        ("import ctypes\ndef f(d):\n    ctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("def f(d):\n    while True:\n        pass", "timed_out", "1 second of computing"),
        ("while True:\n    pass", "timed_out", "1 second of computing"),
    ],
)
def test_how_a_call_ends(sandbox, source, ended, says):
    outcome = run(sandbox, source)[0]
    assert outcome.ended == ended
    assert says in outcome.message


def test_a_call_that_waits_for_nothing_is_ended(sandbox):
    source = "import time\ndef f(d):\n    time.sleep(3600)"
    (outcome,) = sandbox.run(function(source), CALLS, wall_seconds=0.5)
    assert (outcome.ended, outcome.message) == ("timed_out", "it did not return within 0.5 seconds")


def test_the_line_is_that_of_the_notebook(sandbox):
    (outcome, _) = run(sandbox, "def f(d):\n    x = 1\n    return math.pi")
    assert outcome.fault is not None
    assert outcome.fault.place == Place(12, 7)


def test_calls_before_the_one_that_hangs_are_kept_and_later_ones_are_not_made(sandbox):
    source = "def f(d):\n    while d[0] == 2:\n        pass\n    return {'W': 1.0}"
    outcomes = sandbox.run(function(source), (*CALLS, Call((3, 1), 13)))
    assert [outcome.ended for outcome in outcomes] == ["returned", "timed_out"]


@pytest.mark.parametrize(
    "attack",
    [
        "open('/etc/passwd').read()",
        "open('/tmp/left-behind', 'w')",
        "os.listdir('/proc/self/fd')",
        "os.fork()",
        "os.system('true') and 1/0",
        "subprocess.run(['true'])",
        "socket.socket()",
        "threading.Thread(target=print).start()",
        "os.pipe()",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)) or 1/0",
        "__import__('grader')",
        "os.kill(os.getppid(), 9)",
    ],
)
def test_what_a_child_cannot_do(sandbox, attack):
    names = "os, sys"
    source = f"import {names}\ndef f(d):\n    import resource\n    try:\n        {attack}\n    except Exception:\n        return {{}}\n"
    source = source.replace("subprocess", "__import__('subprocess')").replace(
        "socket.socket", "__import__('socket').socket"
    )
    source = source.replace("threading", "__import__('threading')").replace("    import resource\n", "")
    (outcome, _) = run(sandbox, source.replace("resource.", "__import__('resource')."))
    assert outcome.arrays == {}, outcome
    assert outcome.ended in ("returned", "raised"), outcome


def test_nothing_of_the_parent_is_in_the_child(sandbox, monkeypatch):
    monkeypatch.setenv("PLANTED_SECRET", "swordfish")
    with Sandbox(LIMITS) as fresh:
        source = "import os, sys\ndef f(d):\n    return {'env': len([k for k in os.environ if 'PLANTED' in k]), 'path': len(sys.path), 'ours': len([m for m in sys.modules if m.startswith('grader')])}"
        (outcome, _) = run(fresh, source)
    assert [float(array.numpy()) for array in outcome.arrays.values()] == [0, 0, 0]


OWN_SEED = "import numpy as np\n{before}\ndef f(d):\n    if not hasattr(np, 'zz'):\n        np.zz = 1\n        {first}\n    return {{'W': np.random.randn(2)}}"


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ("", "real = np.random.seed; np.random.seed = lambda s: real(3)"),
        ("import operator", "operator.index = lambda s: 3"),
        ("", "np.random.mtrand._rand = np.random.RandomState(3)"),
        ("", "np.random.set_bit_generator(np.random.MT19937(3))"),
        ("", "np.random.set_bit_generator(np.random.PCG64(3))"),
        (
            "class M(np.random.MT19937):\n    def _legacy_seeding(self, s):\n        super()._legacy_seeding(3)",
            "np.random.set_bit_generator(M(3))",
        ),
        ("", "np.random.randn(1)"),  # which leaves the second number of its pair behind
    ],
)
def test_the_ambient_seed_is_ours_whatever_a_first_call_put_in_its_place(sandbox, before, first):
    _, second = run(sandbox, OWN_SEED.format(before=before, first=first))
    rng = __import__("numpy").random.RandomState(CALLS[1].ambient_seed)
    assert list(second.numpy("W")) == list(rng.randn(2))


ENDS_ITSELF = {
    "SIGSEGV": "ctypes.string_at(0)",
    "SIGFPE": "machine(b'\\x31\\xc9\\xf7\\xf1')",  # divide by zero
    "SIGILL": "machine(b'\\x0f\\x0b')",
    "SIGTRAP": "machine(b'\\xcc')",
    "SIGSYS": "machine(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80')",
}
MACHINE = """
import ctypes, signal
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_long
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_DFL)
    except (OSError, ValueError):
        pass
def machine(code):
    address = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, 0)
    ctypes.memmove(address, code, len(code))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86_64")
@pytest.mark.parametrize("name", ENDS_ITSELF)
def test_a_signal_that_a_function_brings_on_itself_is_its_own(sandbox, name):
    (outcome,) = run(sandbox, f"{MACHINE}def f(d):\n    {ENDS_ITSELF[name]}")
    assert (outcome.ended, outcome.message) == ("crashed", f"its process was ended by {name}")
    assert -getattr(signal, name) in OWN_FAULTS


@pytest.mark.parametrize("written", ["os.write(3, b'x')", "os.write(0, b'x')"])
def test_no_descriptor_of_a_child_is_a_file_that_it_could_write_to(sandbox, written):
    source = f"import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\ndef f(d):\n    {written}"
    assert run(sandbox, source)[0].message == "OSError: [Errno 9] Bad file descriptor"


@pytest.mark.parametrize("number", OWN_FAULTS)
def test_a_function_that_ends_by_its_own_fault_twice_has_crashed(sandbox, monkeypatch, number):
    monkeypatch.setattr(sandbox, "with_server", lambda _: Ending(number, in_time=True, result=b""))
    assert run(sandbox, "")[0].ended == "crashed"


def test_one_job_leaves_nothing_for_the_next(sandbox):
    run(sandbox, "import numpy as np\nnp.zeros = None\ndef f(d):\n    return {}")
    (outcome, _) = run(sandbox, "import numpy as np\ndef f(d):\n    return {'W': np.zeros(2)}")
    assert outcome.ended == "returned"


def test_prints_without_end_block_nothing(sandbox):
    (outcome, _) = run(sandbox, "def f(d):\n    print('x' * 10_000_000)\n    return {}")
    assert outcome.ended == "returned"


def test_a_flood_of_answers_is_bounded():
    with Sandbox(Limits(cpu_seconds=1, wall_seconds=1.0, result_bytes=1 << 20)) as small:
        source = "import os\ndef f(d):\n    while True:\n        os.write(4, b'x' * 65536)"
        (outcome,) = run(small, source)
    assert outcome.ended in ("refused", "timed_out")


def test_a_forged_frame_is_only_another_answer(sandbox):
    frame = struct.pack("<BHH", 0, 0, 1) + struct.pack("<H", 1) + b"W" + struct.pack("<H", 7) + b"ndarray"
    frame += struct.pack("<H", 7) + b"float64" + struct.pack("<B", 0) + struct.pack("<d", 42)
    source = (
        f"import os, struct\ndef f(d):\n    os.write(4, struct.pack('<I', {len(frame)}) + {frame!r})\n    os._exit(0)"
    )
    first, second = run(sandbox, source)
    assert float(first.arrays["W"].numpy()) == 42
    assert second.ended == "crashed"


def test_bytes_that_are_no_frame_are_refused(sandbox):
    (outcome,) = run(sandbox, "import os\ndef f(d):\n    os.write(4, b'\\x05\\0\\0\\0hello'); os._exit(0)")
    assert outcome.ended == "refused"


def test_code_that_is_too_long_is_not_run(sandbox):
    (outcome,) = run(sandbox, "# " + "x" * LIMITS.source_bytes + "\ndef f(d):\n    return {}")
    assert outcome.ended == "refused"


def test_a_worker_that_died_is_started_again():
    with Sandbox(LIMITS) as running:
        run(running, "def f(d):\n    return {}")
        os.kill(running.server.process.pid, 9)
        assert run(running, "def f(d):\n    return {}")[0].ended == "returned"


@pytest.mark.skipif(os.getuid() != 0, reason="only root has other users' ids")
def test_as_root_the_child_is_somebody_else(sandbox):
    (outcome, _) = run(sandbox, "import os\ndef f(d):\n    return {'uid': os.getuid(), 'gid': os.getgid()}")
    assert all(array.numpy() >= LIMITS.first_uid for array in outcome.arrays.values())


def test_the_worker_is_a_plain_file_beside_its_server():
    assert (Path(wire.__file__).parent / "worker" / "__main__.py").is_file()


# --- a child that stays for variants -------------------------------------------------------------------------------

MARKED = "import numpy as np\n_marks = getattr(np, 'marks', 0)\nnp.marks = _marks + 1\ndef f(d):\n    return {'marks': _marks}"


def marks(found) -> list[float]:
    return [float(outcome.arrays["marks"].numpy()) for (outcome, *_) in found]


def variants(sandbox: Sandbox, of: Function, *texts: str, seconds: float = 60.0):
    return sandbox.run_variants(of, Variants(0, texts), CALLS[:1], seconds)


def test_variants_run_in_the_child_of_their_function(sandbox):
    one = function(MARKED)
    assert marks([sandbox.run(one, CALLS, stays=True)]) == [0]
    assert marks(variants(sandbox, one, MARKED, f"{MARKED}  # again")) == [1, 2]
    assert marks(variants(sandbox, one, MARKED)) == [3]


def test_a_child_does_not_stay_for_another_function(sandbox):
    one, other = function(MARKED), function(f"{MARKED}  # other")
    sandbox.run(one, CALLS, stays=True)
    assert marks(variants(sandbox, other, MARKED)) == [0]
    sandbox.run(one, CALLS)
    assert marks(variants(sandbox, one, MARKED)) == [0]
    sandbox.run(one, CALLS, stays=True)
    assert marks([sandbox.run(one, CALLS)]) == [0]


def test_names_of_the_function_are_not_those_of_a_variant(sandbox):
    one = function("left = 1\ndef f(d):\n    return {'marks': 0}")
    sandbox.run(one, CALLS, stays=True)
    assert marks(variants(sandbox, one, "def f(d):\n    return {'marks': float('left' in globals())}")) == [0]


@pytest.mark.parametrize(
    "spoiled", ["while True: pass", "import os; os._exit(0)", "import os; os.write(5, b'.'); os._exit(3)"]
)
def test_where_the_child_is_of_no_use_any_more_a_new_one_runs_the_variants(sandbox, spoiled):
    one = function(MARKED)
    sandbox.run(one, CALLS, stays=True)
    spoils = MARKED.replace("def f(d):", f"if _marks:\n    {spoiled}\ndef f(d):")
    assert marks(variants(sandbox, one, spoils, seconds=0.5)) == [0]


def test_a_number_chooses_in_one_text(sandbox):
    one = function("def f(d):\n    return {'marks': 0.0}")
    chosen = Variants(
        0, [1, "def f(d):\n    return {'marks': 5.0}", 0, 2], one.units[0].source.replace("0.0", "n"), "n"
    )
    assert marks(sandbox.run_variants(one, chosen, CALLS[:1], 60.0)) == [1, 5, 0, 2]


def test_a_variant_that_ends_the_process_spoils_all(sandbox):
    one = function(MARKED)
    assert variants(sandbox, one, MARKED, "import os\nos._exit(0)") == ()
    assert variants(sandbox, one, "import os\nos._exit(0)", MARKED) == ()


def test_a_child_that_waited_too_long_is_not_missed(sandbox):
    one = function(MARKED)
    leave_alone(sandbox, one)
    assert marks(variants(sandbox, one, MARKED)) == [0]
    leave_alone(sandbox, one)
    assert marks([sandbox.run(one, CALLS)]) == [0]


def leave_alone(sandbox: Sandbox, one: Function) -> None:
    """Run a function whose child stays, until the worker says that the child's time is up and it has ended."""
    outcomes = sandbox.run(one, CALLS, wall_seconds=1.0, stays=True)
    assert [outcome.ended for outcome in outcomes] == ["returned", "returned"]
    assert select.select([sandbox.server.control], [], [], 600)[0]


# --- the decoder ---------------------------------------------------------------------------------------------------


def block(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


@given(
    st.lists(st.sampled_from([0, 1, 2, 7, 1 << 10, 1 << 20, (1 << 20) + 1, 1 << 63]), max_size=8),
    st.binary(max_size=64),
)
def test_a_shape_that_numpy_cannot_have_is_refused(shape, data):
    frame = struct.pack("<BHH", 0, 0, 1) + entry(*shape, data=data)
    with contextlib.suppress(wire.BadFrame):
        for array in wire.decode(block(frame))[0].arrays.values():
            assert array.numpy().shape == array.sample().numpy().shape == array.shape


@pytest.mark.parametrize("shape", [(0, *[1 << 20] * 7), (0, (1 << 20) + 1), (1 << 10, 0, 1 << 11)])
def test_an_empty_array_with_large_sides_is_refused(sandbox, shape):
    with pytest.raises(wire.BadFrame):
        wire.decode(block(struct.pack("<BHH", 0, 0, 1) + entry(*shape)))
    source = f"import numpy as np\ndef f(d):\n    return {{'W1': np.empty({shape[:3]})}}"
    assert [outcome.ended for outcome in run(sandbox, source)] == ["refused"] * 2


def named(*texts: bytes) -> bytes:
    return b"".join(struct.pack("<H", len(text)) + text for text in texts) + struct.pack("<Bd", 0, 1.0)


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("<BHH", 0, 0, 1) + named(b"W" * 400, b"ndarray", b"float64"),
        struct.pack("<BHH", 0, 0, 1) + named(b"W", b"n" * 400, b"float64"),
        struct.pack("<BHH", 0, 0, 1) + named(b"W", b"ndarray", b"f" * 400),
        struct.pack("<BHH", 0, 0, 1) + named(b"W", b"ndarray", b"float\x1b[31m"),
        struct.pack("<BHH", 2, 0, 9000) + b"x" * 9000,
    ],
)
def test_a_text_that_the_worker_would_have_cut_is_refused(frame):
    with pytest.raises(wire.BadFrame):
        wire.decode(block(frame))


@given(st.binary(max_size=400))
def test_no_bytes_make_the_decoder_raise_anything_else(data):
    for stream in (data, block(data)):
        with contextlib.suppress(wire.BadFrame):
            wire.decode(stream)


def entry(*shape: int, data: bytes = b"", dimensions: int | None = None) -> bytes:
    texts = b"".join(struct.pack("<H", len(text)) + text for text in (b"W", b"ndarray", b"float64"))
    count = len(shape) if dimensions is None else dimensions
    return texts + struct.pack(f"<B{len(shape)}Q", count, *shape) + data


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        struct.pack("<BH", 9, 0),
        struct.pack("<BHH", 0, 0, 65535),
        struct.pack("<BHH", 0, 0, 1),
        struct.pack("<BHH", 0, 0, 1) + entry(2**63, 0),
        struct.pack("<BHH", 0, 0, 1) + entry(2**40, 2**40),
        struct.pack("<BHH", 0, 0, 1) + entry(3, data=b"1234"),
        struct.pack("<BHH", 0, 0, 1) + entry(dimensions=200),
        struct.pack("<BHH", 0, 0, 0) + b"trailing",
        struct.pack("<BHii", 1, 0, 0, 0) + struct.pack("<H", 999) + b"short",
    ],
)
def test_a_frame_that_lies_about_its_sizes_is_refused(frame):
    with pytest.raises(wire.BadFrame):
        wire.decode(block(frame))


def test_a_stream_that_was_cut_keeps_its_whole_frames():
    whole = struct.pack("<BHH", 0, 0, 0)
    frames = wire.decode(block(whole) + block(whole)[:-1])
    assert frames == [wire.Returned(0, {})]


# --- where there is no safe fork -----------------------------------------------------------------------------------


def test_a_fresh_process_a_job_gives_the_same():
    with Sandbox(LIMITS) as once:
        once.server = OnceServer(LIMITS, 0)
        source = "import numpy as np\ndef f(d):\n    print('x')\n    return {'W': np.ones((d[1], d[0]))}"
        assert [outcome.numpy("W").shape for outcome in run(once, source)] == [(2, 3), (4, 2)]
        assert run(once, "import os\ndef f(d):\n    os._exit(3)")[0].message == "it ended its process with exit code 3"
        assert run(once, "def f(d):\n    while True:\n        pass")[0].ended == "timed_out"
