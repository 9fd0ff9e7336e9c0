#include <arm_neon.h>

#include "gemm.h"
#include "gemm_tile.h"

namespace lathe {
namespace {

struct Neon {
  using Vector = float32x4_t;
  static constexpr int width = 4;
  static Vector zero() { return vdupq_n_f32(0.0f); }
  static Vector load(const float* p) { return vld1q_f32(p); }
  static Vector broadcast(float x) { return vdupq_n_f32(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
  static void store(float* p, Vector v) { vst1q_f32(p, v); }
  static void fetch(const float*) {}
};

}  // namespace

// 8 × 3 accumulators, 3 vectors of B and 1 of A: 28 of 32 registers.
std::span<const GemmKernel> gemm_kernels_neon() {
  static constexpr GemmKernel kTiles[] = {{8, 3 * Neon::width, multiply_tile<Neon, 8, 3>}};
  return kTiles;
}

}  // namespace lathe
