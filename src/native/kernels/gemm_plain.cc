#include "gemm.h"
#include "gemm_tile.h"

namespace lathe {
namespace {

/// One float at a time: for processors without a vector unit that Lathe knows.
struct Plain {
  using Vector = float;
  static constexpr int width = 1;
  static Vector zero() { return 0.0f; }
  static Vector load(const float* p) { return *p; }
  static Vector broadcast(float x) { return x; }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
  static void store(float* p, Vector v) { *p = v; }
  static void fetch(const float*) {}
};

}  // namespace

std::span<const GemmKernel> gemm_kernels_plain() {
  static constexpr GemmKernel kTiles[] = {{4, 4, multiply_tile<Plain, 4, 4>}};
  return kTiles;
}

}  // namespace lathe
