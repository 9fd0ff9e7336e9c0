#pragma once

#include <cstdint>
#include <span>

#include "workers.h"

namespace lathe {

/// A matrix of floats with any strides: a transposed matrix is the same data with the strides exchanged.
struct MatrixView {
  const float* data;
  int64_t row_stride;
  int64_t column_stride;
};

inline MatrixView row_major(const float* data, int64_t row_stride) { return {data, row_stride, 1}; }
inline MatrixView transposed(MatrixView m) { return {m.data, m.column_stride, m.row_stride}; }

/// C[m × n] = C + alpha · A[m × k] · B[k × n], with `c` row-major; without `adds`, C is overwritten. The sum over k
/// runs in float32 in blocks; its order does not depend on the number of threads, so neither do the bits of the result.
/// Blocking after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
void gemm(int64_t m, int64_t n, int64_t k, float alpha, MatrixView a, MatrixView b, float* c, int64_t c_row_stride,
          Workers& workers, bool adds = true);

/// One instruction set's inner kernel: c[rows × columns] += alpha · (sum over k of a_panel · b_panel), both packed;
/// without `adds`, =.
struct GemmKernel {
  int64_t rows;     // of a tile; a_panel holds `rows` floats for each k
  int64_t columns;  // of a tile; b_panel holds `columns` floats for each k
  void (*multiply)(int64_t k, const float* a_panel, const float* b_panel, float alpha, float* c, int64_t c_row_stride,
                   bool adds);
};

/// An instruction set's tiles, the best for large matrices first. Of each the sums run in the same order: which one is
/// taken does not change a bit.
std::span<const GemmKernel> gemm_kernels_plain();
std::span<const GemmKernel> gemm_kernels_avx2();
std::span<const GemmKernel> gemm_kernels_avx512();
std::span<const GemmKernel> gemm_kernels_neon();

}  // namespace lathe
