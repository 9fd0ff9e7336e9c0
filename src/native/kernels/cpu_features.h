#pragma once

namespace lathe {

/// The instruction sets that kernels have versions for. A version is entered only where the processor has all of it and
/// the system saves its registers.
struct CpuFeatures {
  bool avx2 = false;    // with FMA and F16C
  bool avx512 = false;  // F, BW, DQ and VL
  bool neon = false;
};

const CpuFeatures& cpu_features();

}  // namespace lathe
