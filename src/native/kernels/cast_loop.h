#pragma once

#include <cstdint>
#include <cstring>

#include "cast.h"

namespace lathe {

// Included by files that are compiled for different instruction sets. Everything here is a template over a type of an
// unnamed namespace, so that the linker cannot take one file's version for another's.

/// Instruction sets give: Vector (of `width` floats), load_* and store_* for each type at any address, and Counter,
/// which counts in 32 bits per lane the floats that are at or above a limit, given as the bits of its magnitude.
///
/// A magnitude's bits are ordered as the magnitudes are, infinity and NaN above all others.
template <FloatType To>
consteval uint32_t first_too_large() {
  if (To == FloatType::kF16) return 0x477ff000u;   // 65520: halfway from the largest, 65504, to what would be next
  if (To == FloatType::kBF16) return 0x7f7f8000u;  // likewise
  return 0x7f800000u;
}

template <class Isa, FloatType From>
typename Isa::Vector load_as_float(const uint8_t* at) {
  if constexpr (From == FloatType::kF16) return Isa::load_f16(at);
  if constexpr (From == FloatType::kBF16) return Isa::load_bf16(at);
  if constexpr (From == FloatType::kF32) return Isa::load_f32(at);
}

template <class Isa, FloatType To>
void store_float(uint8_t* at, typename Isa::Vector value) {
  if constexpr (To == FloatType::kF16) Isa::store_f16(at, value);
  if constexpr (To == FloatType::kBF16) Isa::store_bf16(at, value);
  if constexpr (To == FloatType::kF32) Isa::store_f32(at, value);
}

template <class Isa, FloatType From, FloatType To, bool kStore>
CastCounts cast_loop(const uint8_t* source, uint8_t* target, int64_t count) {
  constexpr int64_t kFrom = float_size(From), kTo = float_size(To), kWidth = Isa::width;
  constexpr int64_t kRun = int64_t{1} << 24;  // whole vectors; far from what a 32-bit counter can hold
  CastCounts counts;
  const auto finish = [&](typename Isa::Counter& non_finite, typename Isa::Counter& too_large) {
    counts.non_finite += non_finite.sum();
    counts.overflowed += too_large.sum() - non_finite.sum();
  };
  int64_t i = 0;
  for (; count - i >= kWidth;) {
    const int64_t whole = (count - i) / kWidth * kWidth;
    const int64_t end = i + (whole < kRun ? whole : kRun);
    typename Isa::Counter non_finite(0x7f800000u), too_large(first_too_large<To>());
    for (; i < end; i += kWidth) {
      const typename Isa::Vector value = load_as_float<Isa, From>(source + i * kFrom);
      non_finite.add(value);
      too_large.add(value);
      if constexpr (kStore) store_float<Isa, To>(target + i * kTo, value);
    }
    finish(non_finite, too_large);
  }
  if (i < count) {
    uint8_t in[kWidth * kFrom] = {}, out[kWidth * kTo];
    std::memcpy(in, source + i * kFrom, static_cast<size_t>((count - i) * kFrom));
    typename Isa::Counter non_finite(0x7f800000u), too_large(first_too_large<To>());
    const typename Isa::Vector value = load_as_float<Isa, From>(in);
    non_finite.add(value);
    too_large.add(value);
    finish(non_finite, too_large);
    if constexpr (kStore) {
      store_float<Isa, To>(out, value);
      std::memcpy(target + i * kTo, out, static_cast<size_t>((count - i) * kTo));
    }
  }
  return counts;
}

template <class Isa>
CastKernels cast_kernels() {
  constexpr FloatType kF32 = FloatType::kF32, kF16 = FloatType::kF16, kBF16 = FloatType::kBF16;
  return {{{nullptr, cast_loop<Isa, kF32, kF16, true>, cast_loop<Isa, kF32, kBF16, true>},
           {cast_loop<Isa, kF16, kF32, true>, nullptr, cast_loop<Isa, kF16, kBF16, true>},
           {cast_loop<Isa, kBF16, kF32, true>, cast_loop<Isa, kBF16, kF16, true>, nullptr}},
          {cast_loop<Isa, kF32, kF32, false>, cast_loop<Isa, kF16, kF32, false>, cast_loop<Isa, kBF16, kF32, false>}};
}

}  // namespace lathe
