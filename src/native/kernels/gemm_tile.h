#pragma once

#include <cstdint>
#include <utility>

namespace lathe {

/// f(0), …, f(N − 1) with every number known to the compiler: what they index stays in registers. A loop is only
/// unrolled where a compiler thinks so, and these are not at -O2: they then run three times slower.
template <int N, class F>
inline void unrolled(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) { (f(std::integral_constant<int, I>{}), ...); }
  (std::make_integer_sequence<int, N>{});
}

/// The inner kernel for any vector type: ROWS × (VECTORS · Simd::width) accumulators that stay in registers over the
/// whole sum. `Simd` gives width, Vector, zero, load, broadcast, multiply_add, store and fetch.
template <class Simd, int ROWS, int VECTORS>
void multiply_tile(int64_t k, const float* a_panel, const float* b_panel, float alpha, float* c, int64_t c_row_stride,
                   bool adds) {
  using Vector = typename Simd::Vector;
  // What the sums are added to at the end is on its way while they are made.
  unrolled<ROWS>(
      [&](auto r) { unrolled<VECTORS>([&](auto v) { Simd::fetch(c + r * c_row_stride + v * Simd::width); }); });
  Vector sum[ROWS][VECTORS];
  unrolled<ROWS>([&](auto r) { unrolled<VECTORS>([&](auto v) { sum[r][v] = Simd::zero(); }); });
  for (int64_t step = 0; step < k; ++step) {
    Vector b[VECTORS];
    unrolled<VECTORS>([&](auto v) { b[v] = Simd::load(b_panel + v * Simd::width); });
    unrolled<ROWS>([&](auto r) {
      const Vector a = Simd::broadcast(a_panel[r]);
      unrolled<VECTORS>([&](auto v) { sum[r][v] = Simd::multiply_add(a, b[v], sum[r][v]); });
    });
    a_panel += ROWS;
    b_panel += VECTORS * Simd::width;
  }
  const Vector factor = Simd::broadcast(alpha);
  unrolled<ROWS>([&](auto r) {
    unrolled<VECTORS>([&](auto v) {
      float* out = c + r * c_row_stride + v * Simd::width;
      Simd::store(out, Simd::multiply_add(factor, sum[r][v], adds ? Simd::load(out) : Simd::zero()));
    });
  });
}

}  // namespace lathe
