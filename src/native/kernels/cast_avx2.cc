// Compiled with AVX2, FMA and F16C; entered only where the processor has them.
#include <immintrin.h>

#include "cast_loop.h"

namespace lathe {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int width = 8;

  static __m128i load_halves(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
  static Vector load_f32(const uint8_t* at) { return _mm256_loadu_ps(reinterpret_cast<const float*>(at)); }
  static Vector load_f16(const uint8_t* at) { return _mm256_cvtph_ps(load_halves(at)); }
  static Vector load_bf16(const uint8_t* at) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_halves(at)), 16));
  }

  static void store_halves(uint8_t* at, __m128i halves) { _mm_storeu_si128(reinterpret_cast<__m128i*>(at), halves); }
  static void store_f32(uint8_t* at, Vector value) { _mm256_storeu_ps(reinterpret_cast<float*>(at), value); }
  static void store_f16(uint8_t* at, Vector value) {
    store_halves(at, _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_bf16(uint8_t* at, Vector value) {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    // Packing works in each 128-bit half by itself; the permutation brings the two results together.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(upper, upper), 0x08);
    store_halves(at, _mm256_castsi256_si128(packed));
  }

  class Counter {
   public:
    explicit Counter(uint32_t limit)
        : below_(_mm256_set1_epi32(static_cast<int>(limit - 1))), lanes_(_mm256_setzero_si256()) {}
    void add(Vector value) {
      const __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(value), _mm256_set1_epi32(0x7fffffff));
      lanes_ = _mm256_sub_epi32(lanes_, _mm256_cmpgt_epi32(magnitude, below_));
    }
    int64_t sum() const {
      int32_t lanes[width];
      std::memcpy(lanes, &lanes_, sizeof lanes);
      int64_t total = 0;
      for (int32_t lane : lanes) total += lane;
      return total;
    }

   private:
    __m256i below_, lanes_;
  };
};

}  // namespace

CastKernels cast_kernels_avx2() { return cast_kernels<Avx2>(); }

}  // namespace lathe
