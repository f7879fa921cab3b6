"""Machine instructions that Numba does not offer: counting zeros and set bits, prefetch, unaligned store."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

if config.DISABLE_JIT:

    def trailing_zeros(word: Any) -> Any:
        word = int(word)
        return np.uint64((word & -word).bit_length() - 1 if word else 64)

    def set_bits(word: Any) -> Any:
        return np.uint64(int(word).bit_count())

    def prefetch(array: Any, index: Any) -> None:
        return None

    def store_word(array: Any, index: Any, word: Any) -> None:
        for k in range(8):
            array[int(index) + k] = (int(word) >> (8 * k)) & 255

else:

    @intrinsic
    def trailing_zeros(typing: Any, word: Any) -> Any:
        """Number of zero bits below the lowest set bit of a uint64; 64 for 0."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

        return types.uint64(types.uint64), generate

    @intrinsic
    def set_bits(typing: Any, word: Any) -> Any:
        """Number of set bits of a uint64."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate

    @intrinsic
    def prefetch(typing: Any, array: Any, index: Any) -> Any:
        """Ask for the cache line of `array[index]`; an index outside the array is harmless."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            view = context.make_array(signature.args[0])(context, builder, arguments[0])
            byte_pointer, int32 = ir.IntType(8).as_pointer(), ir.IntType(32)
            address = builder.bitcast(builder.gep(view.data, [arguments[1]]), byte_pointer)
            kind = ir.FunctionType(ir.VoidType(), [byte_pointer, int32, int32, int32])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, [address, int32(0), int32(3), int32(1)])
            return context.get_dummy_value()

        return types.void(array, types.uint64), generate

    @intrinsic
    def store_word(typing: Any, array: Any, index: Any, word: Any) -> Any:
        """Write a uint64 as eight bytes from `array[index]` on, lowest first, wherever that is."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            view = context.make_array(signature.args[0])(context, builder, arguments[0])
            address = builder.bitcast(builder.gep(view.data, [arguments[1]]), ir.IntType(64).as_pointer())
            builder.store(arguments[2], address).align = 1
            return context.get_dummy_value()

        return types.void(array, types.uint64, types.uint64), generate
