#include "cpu_features.h"

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#define LATHE_X64
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace lathe {
namespace {

#if defined(LATHE_X64)

struct CpuId {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuId cpu_id(uint32_t leaf) {
  CpuId id;
#if defined(_MSC_VER)
  int words[4];
  __cpuid(words, 0);
  if (static_cast<uint32_t>(words[0]) < leaf) return id;
  __cpuidex(words, static_cast<int>(leaf), 0);
  id = {static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1]), static_cast<uint32_t>(words[2]),
        static_cast<uint32_t>(words[3])};
#else
  __get_cpuid_count(leaf, 0, &id.eax, &id.ebx, &id.ecx, &id.edx);
#endif
  return id;
}

/// The register files that the system saves when it switches threads (XCR0). Only where OSXSAVE is set.
uint64_t saved_registers() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

/// Bits after Intel's Software Developer's Manual, volume 2A, CPUID, and volume 1, 13.3 and 14.3 to 15.2.
CpuFeatures detect() {
  const CpuId basic = cpu_id(1);
  const CpuId extended = cpu_id(7);
  const auto has = [](uint32_t word, int bit) { return (word >> bit & 1u) != 0; };
  CpuFeatures features;
  const bool osxsave = has(basic.ecx, 27);
  if (!osxsave) return features;
  constexpr uint64_t kYmm = 0x06;         // SSE, AVX
  constexpr uint64_t kZmm = kYmm | 0xe0;  // and the mask registers and both halves of AVX-512's
  const uint64_t saved = saved_registers();
  const bool fma = has(basic.ecx, 12), avx = has(basic.ecx, 28), f16c = has(basic.ecx, 29), avx2 = has(extended.ebx, 5);
  features.avx2 = avx && avx2 && fma && f16c && (saved & kYmm) == kYmm;
  const bool f = has(extended.ebx, 16), dq = has(extended.ebx, 17), bw = has(extended.ebx, 30),
             vl = has(extended.ebx, 31);
  features.avx512 = features.avx2 && f && dq && bw && vl && (saved & kZmm) == kZmm;
  return features;
}

#else

CpuFeatures detect() {
  CpuFeatures features;
#if defined(__aarch64__) || defined(_M_ARM64)
  features.neon = true;  // part of the architecture
#endif
  return features;
}

#endif

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace lathe
