#include "cpu_features.h"
#include "row_loop.h"

namespace lathe {
namespace {

/// What every processor of the kind has: SSE2 on x86, NEON on ARM.
struct Plain;

RowKernels best_kernels() {
#if defined(__x86_64__) || defined(_M_X64)
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx512) return row_kernels_avx512();
  if (cpu.avx2) return row_kernels_avx2();
#endif
  return make_row_kernels<Plain>();
}

}  // namespace

const RowKernels& row_kernels() {
  static const RowKernels best = best_kernels();
  return best;
}

}  // namespace lathe
