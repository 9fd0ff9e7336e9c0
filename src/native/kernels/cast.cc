#include "cast.h"

#include <cmath>
#include <initializer_list>

#include "cast_loop.h"
#include "cpu_features.h"
#include "half.h"

namespace lathe {
namespace {

template <class T>
T read(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void write(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

uint16_t float_to_bfloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

struct Plain {
  using Vector = float;
  static constexpr int width = 1;
  static float load_f32(const uint8_t* at) { return read<float>(at); }
  static float load_f16(const uint8_t* at) { return half_to_float(read<uint16_t>(at)); }
  static float load_bf16(const uint8_t* at) {
    return std::bit_cast<float>(static_cast<uint32_t>(read<uint16_t>(at)) << 16);
  }
  static void store_f32(uint8_t* at, float value) { write(at, value); }
  static void store_f16(uint8_t* at, float value) { write(at, float_to_half(value)); }
  static void store_bf16(uint8_t* at, float value) { write(at, float_to_bfloat(value)); }

  class Counter {
   public:
    explicit Counter(uint32_t limit) : limit_(limit) {}
    void add(float value) { count_ += (std::bit_cast<uint32_t>(value) & 0x7fffffffu) >= limit_; }
    int64_t sum() const { return count_; }

   private:
    uint32_t limit_;
    int64_t count_ = 0;
  };
};

/// A double as the float between whose neighbours it lies, with the last bit set where it is not exact ("round to
/// odd"). Rounding this to fewer bits gives what rounding the double would have given. Boldo and Melquiond, "Emulation
/// of FMA and correctly rounded sums: proved algorithms using rounding to odd" (2008).
float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  if (std::isnan(value) || static_cast<double>(nearest) == value) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::abs(static_cast<double>(nearest)) > std::abs(value)) --bits;  // the next one towards zero
  return std::bit_cast<float>(bits | 1u);
}

CastCounts cast_doubles(const uint8_t* source, uint8_t* target, FloatType to, int64_t count) {
  CastCounts counts;
  for (int64_t i = 0; i < count; ++i) {
    const double value = read<double>(source + i * 8);
    float result;
    if (to == FloatType::kF32) {
      result = static_cast<float>(value);
      write(target + i * 4, result);
    } else if (to == FloatType::kF16) {
      const uint16_t half = float_to_half(round_to_odd(value));
      result = half_to_float(half);
      write(target + i * 2, half);
    } else {
      const uint16_t bfloat = float_to_bfloat(round_to_odd(value));
      result = std::bit_cast<float>(static_cast<uint32_t>(bfloat) << 16);
      write(target + i * 2, bfloat);
    }
    if (!std::isfinite(value)) {
      ++counts.non_finite;
    } else if (!std::isfinite(result)) {
      ++counts.overflowed;
    }
  }
  return counts;
}

CastKernels kernels_of(CpuLevel level) {
#if defined(__x86_64__) || defined(_M_X64)
  if (level == CpuLevel::kAvx512) return cast_kernels_avx512();
  if (level == CpuLevel::kAvx2) return cast_kernels_avx2();
#elif defined(__aarch64__) || defined(_M_ARM64)
  if (level == CpuLevel::kNeon) return cast_kernels_neon();
#endif
  return cast_kernels_plain();
}

}  // namespace

CastKernels cast_kernels_plain() { return cast_kernels<Plain>(); }

bool cpu_has(CpuLevel level) {
  const CpuFeatures& cpu = cpu_features();
  switch (level) {
    case CpuLevel::kAvx2:
      return cpu.avx2;
    case CpuLevel::kAvx512:
      return cpu.avx512;
    case CpuLevel::kNeon:
      return cpu.neon;
    default:
      return true;
  }
}

CpuLevel best_cpu_level() {
  for (CpuLevel level : {CpuLevel::kAvx512, CpuLevel::kAvx2, CpuLevel::kNeon})
    if (cpu_has(level)) return level;
  return CpuLevel::kPlain;
}

CastCounts cast(const void* source, FloatType from, void* target, FloatType to, int64_t count, CpuLevel level) {
  const auto* in = static_cast<const uint8_t*>(source);
  auto* out = static_cast<uint8_t*>(target);
  if (count <= 0) return {};
  if (from == FloatType::kF64) return cast_doubles(in, out, to, count);
  const CastKernels kernels = kernels_of(level);
  if (from != to) return kernels.convert[static_cast<int>(from)][static_cast<int>(to)](in, out, count);
  std::memcpy(out, in, static_cast<size_t>(count * float_size(from)));
  return kernels.count[static_cast<int>(from)](in, nullptr, count);
}

}  // namespace lathe
