#pragma once

#include <cstdint>

namespace lathe {

/// Loops over the values of one row or block, for the instruction set that the processor has. They give the same bits
/// on all.
struct RowKernels {
  /// The largest magnitude; of NaNs no statement is made.
  float (*largest)(int64_t count, const float* x);
  /// codes = x · factor rounded half to even; |x · factor| is at most 127.
  void (*to_int8)(int64_t count, const float* x, float factor, int8_t* codes);
  /// x = (code · scale) · factor
  void (*from_int8)(int64_t count, const int8_t* codes, float scale, float factor, float* x);
  /// The code of a value is how many of the 15 thresholds are strictly below x · factor.
  void (*nf4)(int64_t count, const float* x, float factor, const float* thresholds, uint8_t* codes);
  /// Likewise for |x · factor| and 7 thresholds: the n-th of the 4-bit fields of `order` is the code, with bit 3 for
  /// the sign.
  void (*fp4)(int64_t count, const float* x, float factor, const float* thresholds, uint32_t order, uint8_t* codes);
  /// `count` bytes of two codes each, the first one in the upper half.
  void (*pack_nibbles)(int64_t count, const uint8_t* codes, uint8_t* packed);
  /// The largest; of NaNs no statement is made.
  float (*maximum)(int64_t count, const float* x);
  /// x = exp(x − most), which is at most one or so: within 2 units in the last place, 0 below exp(−87). Returns their
  /// sum, of sixteen chains. NaNs stay.
  float (*exponentials)(int64_t count, float most, float* x);
  /// Σ a · b, of sixteen chains.
  float (*dot)(int64_t count, const float* a, const float* b);
  /// out = σ(gate) · gate · up (SwiGLU, arXiv 2002.05202)
  void (*swiglu)(int64_t count, const float* gate, const float* up, float* out);
  /// The gradients of both, of that of the result.
  void (*swiglu_back)(int64_t count, const float* d, const float* gate, const float* up, float* d_gate, float* d_up);
};

/// The best for this processor.
const RowKernels& row_kernels();

RowKernels row_kernels_avx2();
RowKernels row_kernels_avx512();

}  // namespace lathe
