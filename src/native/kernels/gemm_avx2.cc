// Compiled with AVX2 and FMA; entered only where the processor has both.
#include <immintrin.h>

#include "gemm.h"
#include "gemm_tile.h"

namespace lathe {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int width = 8;
  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static Vector broadcast(float x) { return _mm256_set1_ps(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
  static void fetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }
};

}  // namespace

// 6 × 2 accumulators, 2 vectors of B and 1 of A: 15 of 16 registers.
std::span<const GemmKernel> gemm_kernels_avx2() {
  static constexpr GemmKernel kTiles[] = {{6, 2 * Avx2::width, multiply_tile<Avx2, 6, 2>}};
  return kTiles;
}

}  // namespace lathe
