"""Machine code for the gradient descent of one tuple of layer sizes, made in memory by llvmlite.

Forward and backward pass run through the points once, a block at a time, so that what belongs to a block stays in
registers and the first cache. Every weight is written out; each gradient is a vector of partial sums in memory.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, Literal

LANES = 8  # numbers in a vector: one register of AVX-512, two of AVX2, four of NEON
VECTORS = 2  # vectors in a block of points: they share every weight that is loaded
CLAMP = 600.0  # a larger |z| gives the same step; far from subnormal numbers, which are slow
LN2 = (0.6931471803691238, 1.9082149292705877e-10)  # log(2) in two parts: multiples of the first are exact
ROUND = 3 * 2.0**51  # added to a number, leaves it rounded in the low bits


@cache
def compiled(layers: tuple[int, ...], hidden: Literal["relu", "tanh"] = "relu") -> Callable[..., int]:
    """Compile ``descend`` for this processor; Python's lock is not held while it runs.

    Notes
    -----
    ``descend(row, points, width, steps, rate, likely)`` takes the addresses of a row of parameters (W1, b1, W2, …, a
    whole number of vectors long, changed in place) and of the rows X1, …, Y, weight, 1 - Y of `width` points (a whole
    number of blocks), and returns the number of steps taken: it stops before the step at which the product of the
    probabilities of the right labels is above `likely`, where NaN counts as 1.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_CodeWriter(layers, hidden).assembly()), machine)
    engine.finalize_object()
    pointer, whole, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    function = ctypes.CFUNCTYPE(whole, pointer, pointer, whole, whole, real, real)(
        engine.get_function_address("descend")
    )

    def descend(*arguments: float) -> int:
        return int(function(*arguments)) if engine else 0  # the engine owns the code: it must live as long

    return descend


class _CodeWriter:
    """Writes the code of ``descend``; an LLVM value is ``Any``, a block's value is a list of VECTORS of them."""

    def __init__(self, layers: tuple[int, ...], hidden: Literal["relu", "tanh"]) -> None:
        from llvmlite import ir

        self.ir, self.layers, self.hidden = ir, layers, hidden
        self.real, self.whole = ir.DoubleType(), ir.IntType(64)
        self.vector, self.bits = ir.VectorType(self.real, LANES), ir.VectorType(self.whole, LANES)
        self.offsets = [sum(n * (p + 1) for p, n in pairwise(layers[: k + 1])) for k in range(len(layers))]
        address = self.real.as_pointer()
        kind = ir.FunctionType(self.whole, [address, address, self.whole, self.whole, self.real, self.real])
        self.module = ir.Module()
        self.function = ir.Function(self.module, kind, "descend")
        self.row, self.points, self.width, self.steps, self.rate, self.likely = self.function.args
        self.b = ir.IRBuilder(self.function.append_basic_block())
        self.size = self.offsets[-1] + -self.offsets[-1] % LANES
        self.sums = self.b.alloca(ir.ArrayType(self.vector, self.size))
        self.sums.align = 8 * LANES  # also aligns what the compiler itself puts on the stack
        self.product = self.b.alloca(ir.ArrayType(self.vector, VECTORS))

    def assembly(self) -> str:
        """Return the whole function as LLVM assembly."""
        b, done = self.b, self.function.append_basic_block()
        with self._loop(self.steps, 1) as taken:
            with self._loop(self.whole(self.size), 1) as k:
                b.store(self._number(0), self._place(self.sums, k))
            for u in range(VECTORS):
                b.store(self._number(1), self._place(self.product, self.whole(u)))
            with self._loop(self.width, LANES * VECTORS) as point:
                self._block(point)
            update = self.function.append_basic_block()
            b.cbranch(b.fcmp_ordered(">", self._likelihood(), self.likely), done, update)
            b.position_at_end(update)
            with self._loop(self.whole(self.size), LANES) as k:
                place = self._at(self.row, k)
                gradient = self._totals([b.load(self._place(self.sums, b.add(k, self.whole(u)))) for u in range(LANES)])
                b.store(b.fsub(b.load(place, align=8), b.fmul(self._fill(self.rate), gradient)), place, align=8)
        b.ret(self.steps)
        b.position_at_end(done)
        b.ret(taken)
        return str(self.module)

    def _block(self, point: Any) -> None:
        """Write the forward and backward pass of one block, its gradients added to the sums."""
        b, L, zero, unity = self.b, len(self.layers) - 1, self._number(0), self._number(1)
        rows = [self._points(k, point) for k in range(self.layers[0] + 3)]
        Y, weight, complement = rows[-3:]
        activations = [rows[:-3]]
        for layer in range(1, L + 1):
            A = []
            for i in range(self.layers[layer]):
                Z = [self._parameter(self._bias(layer, i))] * VECTORS
                for j, a in enumerate(activations[-1]):
                    w = self._parameter(self._weight(layer, i, j))
                    Z = [self._fma(w, x, z) for x, z in zip(a, Z, strict=True)]
                A.append([self._sigmoid(z) if layer == L else self._activation(z) for z in Z])
            activations.append(A)
        (A,) = activations[-1]
        for u in range(VECTORS):
            place, p = self._place(self.product, self.whole(u)), self._absolute(b.fsub(A[u], complement[u]))
            b.store(b.fmul(b.load(place), b.select(b.fcmp_unordered("uno", p, p), unity, p)), place)
        dZ = [[b.fmul(b.fsub(A[u], Y[u]), weight[u]) for u in range(VECTORS)]]
        for layer in range(L, 0, -1):
            for i, dz in enumerate(dZ):
                self._accumulate(self._bias(layer, i), dz, [unity] * VECTORS)
            dA = []
            for j, a in enumerate(activations[layer - 1]):
                total = [zero] * VECTORS
                for i, dz in enumerate(dZ):
                    self._accumulate(self._weight(layer, i, j), dz, a)
                    if layer > 1:
                        w = self._parameter(self._weight(layer, i, j))
                        total = [self._fma(w, x, t) for x, t in zip(dz, total, strict=True)]
                dA.append([b.fmul(t, self._slope(x)) for t, x in zip(total, a, strict=True)])
            dZ = dA

    def _activation(self, z: Any) -> Any:
        """max(0, z), or tanh(z) = 2 / (1 + exp(-2 z)) - 1, which is exact to the last bits of 1 but not of a small z."""
        b, zero, unity = self.b, self._number(0), self._number(1)
        if self.hidden == "relu":
            return b.select(b.fcmp_ordered(">", zero, z), zero, z)
        sigmoid = self._sigmoid(b.fadd(z, z))
        return b.fsub(b.fadd(sigmoid, sigmoid), unity)

    def _slope(self, a: Any) -> Any:
        """Return the derivative of the activation where it has the value `a`."""
        b, zero, unity = self.b, self._number(0), self._number(1)
        if self.hidden == "relu":
            return b.select(b.fcmp_ordered(">", a, zero), unity, zero)  # NaN * 0 is NaN, as in NumPy
        return b.fsub(unity, b.fmul(a, a))

    def _sigmoid(self, z: Any) -> Any:
        """1 / (1 + exp(-z)), where exp is 2**n times the Taylor series of the rest, at most log(2) / 2."""
        b, low, high = self.b, self._number(-CLAMP), self._number(CLAMP)
        x = b.fsub(self._number(0), z)
        x = b.select(b.fcmp_ordered(">", x, high), high, x)
        x = b.select(b.fcmp_ordered("<", x, low), low, x)
        shifted = self._fma(x, self._number(1 / math.log(2)), self._number(ROUND))
        n = b.fsub(shifted, self._number(ROUND))
        for part in LN2:
            x = self._fma(n, self._number(-part), x)
        series = self._number(1 / math.factorial(13))
        for k in range(12, -1, -1):
            series = self._fma(series, x, self._number(1 / math.factorial(k)))
        exponent = b.add(b.bitcast(shifted, self.bits), self._integer(1023))
        power = b.bitcast(b.shl(exponent, self._integer(52)), self.vector)
        return b.fdiv(self._number(1), self._fma(series, power, self._number(1)))

    def _accumulate(self, k: int, dz: Sequence[Any], a: Sequence[Any]) -> None:
        place = self._place(self.sums, self.whole(k))
        total = self.b.load(place)
        for x, y in zip(dz, a, strict=True):
            total = self._fma(x, y, total)
        self.b.store(total, place)

    def _totals(self, vectors: list[Any]) -> Any:
        """Return the vector of the sums of LANES vectors, neighbours added pairwise."""
        even, odd = range(0, 2 * LANES, 2), range(1, 2 * LANES, 2)
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [self.b.fadd(self._pick(x, y, even), self._pick(x, y, odd)) for x, y in pairs]
        return vectors[0]

    def _likelihood(self) -> Any:
        vectors = [self.b.load(self._place(self.product, self.whole(u))) for u in range(VECTORS)]
        total = self.real(1)
        for lane in range(LANES * VECTORS):
            factor = self.b.extract_element(vectors[lane // LANES], self.whole(lane % LANES))
            total = self.b.fmul(total, factor)
        return total

    @contextmanager
    def _loop(self, stop: Any, step: int) -> Iterator[Any]:
        """Write a loop around what is written inside; nothing in it runs if `stop` is 0."""
        b = self.b
        with b.goto_entry_block():
            counter = b.alloca(self.whole)
        test, body, after = (self.function.append_basic_block() for _ in range(3))
        b.store(self.whole(0), counter)
        b.branch(test)
        b.position_at_end(test)
        index = b.load(counter)
        b.cbranch(b.icmp_signed("<", index, stop), body, after)
        b.position_at_end(body)
        yield index
        b.store(b.add(index, self.whole(step)), counter)
        b.branch(test)
        b.position_at_end(after)

    def _weight(self, layer: int, i: int, j: int) -> int:
        return self.offsets[layer - 1] + i * self.layers[layer - 1] + j

    def _bias(self, layer: int, i: int) -> int:
        return self._weight(layer, self.layers[layer], i)

    def _parameter(self, k: int) -> Any:
        return self._fill(self.b.load(self.b.gep(self.row, [self.whole(k)])))

    def _points(self, k: int, point: Any) -> list[Any]:
        start = self.b.add(self.b.mul(self.whole(k), self.width), point)
        places = [self._at(self.points, self.b.add(start, self.whole(LANES * u))) for u in range(VECTORS)]
        return [self.b.load(place, align=8) for place in places]

    def _at(self, base: Any, index: Any) -> Any:
        return self.b.bitcast(self.b.gep(base, [index]), self.vector.as_pointer())

    def _place(self, array: Any, index: Any) -> Any:
        return self.b.gep(array, [self.whole(0), index])

    def _number(self, x: float) -> Any:
        return self.ir.Constant(self.vector, [float(x)] * LANES)

    def _integer(self, x: int) -> Any:
        return self.ir.Constant(self.bits, [x] * LANES)

    def _pick(self, x: Any, y: Any, lanes: Sequence[int]) -> Any:
        return self.b.shuffle_vector(
            x, y, self.ir.Constant(self.ir.VectorType(self.ir.IntType(32), LANES), list(lanes))
        )

    def _fill(self, x: Any) -> Any:
        nothing = self.ir.Constant(self.vector, self.ir.Undefined)
        return self._pick(self.b.insert_element(nothing, x, self.whole(0)), nothing, [0] * LANES)

    def _fma(self, x: Any, y: Any, z: Any) -> Any:
        return self.b.fadd(self.b.fmul(x, y, flags=("contract",)), z, flags=("contract",))

    def _absolute(self, x: Any) -> Any:
        return self.b.bitcast(self.b.and_(self.b.bitcast(x, self.bits), self._integer(2**63 - 1)), self.vector)
