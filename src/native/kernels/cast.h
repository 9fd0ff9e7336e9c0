#pragma once

#include <cstdint>

namespace lathe {

enum class FloatType { kF32, kF16, kBF16, kF64 };

constexpr int64_t float_size(FloatType type) { return type == FloatType::kF64 ? 8 : type == FloatType::kF32 ? 4 : 2; }

/// What a cast met that a user should hear of.
struct CastCounts {
  int64_t non_finite = 0;  // infinities and NaNs among the input
  int64_t overflowed = 0;  // finite numbers that the target type cannot hold, and that became infinite
};

/// The versions of the kernel; all give the same bits.
enum class CpuLevel { kPlain, kAvx2, kAvx512, kNeon };

bool cpu_has(CpuLevel level);
CpuLevel best_cpu_level();

/// Convert `count` little-endian numbers to F32, F16 or BF16, rounding to nearest, ties to even, in one step (a double
/// is not rounded twice). A NaN keeps its sign and the upper bits of its payload; a NaN whose size changes, other than
/// from BF16 to F32, becomes quiet, as the processors' own instructions do it. Subnormal numbers are kept. A cast to
/// the same type copies bits. The two runs must not overlap; neither needs any alignment. `to` is not kF64.
CastCounts cast(const void* source, FloatType from, void* target, FloatType to, int64_t count, CpuLevel level);

/// One level's kernels, by the numbers of source and target type (F32, F16, BF16); null where the two are the same.
using CastKernel = CastCounts (*)(const uint8_t* source, uint8_t* target, int64_t count);
struct CastKernels {
  CastKernel convert[3][3];
  CastKernel count[3];  // reads only; the target is not used
};

CastKernels cast_kernels_plain();
CastKernels cast_kernels_avx2();
CastKernels cast_kernels_avx512();
CastKernels cast_kernels_neon();

}  // namespace lathe
