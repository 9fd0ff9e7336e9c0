#pragma once

#include <cstdint>

namespace lathe {

/// The inner kernel for any vector type: ROWS × (VECTORS · Simd::width) accumulators that stay in registers over the
/// whole sum. `Simd` gives width, Vector, zero, load, broadcast, multiply_add and store.
template <class Simd, int ROWS, int VECTORS>
void multiply_tile(int64_t k, const float* a_panel, const float* b_panel, float alpha, float* c, int64_t c_row_stride) {
  typename Simd::Vector sum[ROWS][VECTORS];
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) sum[r][v] = Simd::zero();
  for (int64_t step = 0; step < k; ++step) {
    typename Simd::Vector b[VECTORS];
    for (int v = 0; v < VECTORS; ++v) b[v] = Simd::load(b_panel + v * Simd::width);
    for (int r = 0; r < ROWS; ++r) {
      const typename Simd::Vector a = Simd::broadcast(a_panel[r]);
      for (int v = 0; v < VECTORS; ++v) sum[r][v] = Simd::multiply_add(a, b[v], sum[r][v]);
    }
    a_panel += ROWS;
    b_panel += VECTORS * Simd::width;
  }
  const typename Simd::Vector factor = Simd::broadcast(alpha);
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) {
      float* out = c + r * c_row_stride + v * Simd::width;
      Simd::store(out, Simd::multiply_add(factor, sum[r][v], Simd::load(out)));
    }
}

}  // namespace lathe
