// Compiled with AVX-512 F; entered only where the processor has it.
#include <immintrin.h>

#include "gemm.h"
#include "gemm_tile.h"

namespace lathe {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int width = 16;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector broadcast(float x) { return _mm512_set1_ps(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static void fetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }
};

}  // namespace

// 14 × 2 accumulators, 2 vectors of B and 1 of A: 31 of 32 registers. The others are for what is narrow or low, as
// adapters of rank 16 are.
std::span<const GemmKernel> gemm_kernels_avx512() {
  static constexpr GemmKernel kTiles[] = {{14, 2 * Avx512::width, multiply_tile<Avx512, 14, 2>},
                                          {28, 1 * Avx512::width, multiply_tile<Avx512, 28, 1>},
                                          {8, 3 * Avx512::width, multiply_tile<Avx512, 8, 3>}};
  return kTiles;
}

}  // namespace lathe
