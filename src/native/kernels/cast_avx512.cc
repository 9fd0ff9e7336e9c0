// Compiled with AVX-512 F, BW, DQ and VL; entered only where the processor has them.
#include <immintrin.h>

#include "cast_loop.h"

namespace lathe {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int width = 16;

  static __m256i load_halves(const uint8_t* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }
  static Vector load_f32(const uint8_t* at) { return _mm512_loadu_ps(at); }
  static Vector load_f16(const uint8_t* at) { return _mm512_cvtph_ps(load_halves(at)); }
  static Vector load_bf16(const uint8_t* at) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_halves(at)), 16));
  }

  static void store_halves(uint8_t* at, __m256i halves) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), halves); }
  static void store_f32(uint8_t* at, Vector value) { _mm512_storeu_ps(at, value); }
  static void store_f16(uint8_t* at, Vector value) {
    store_halves(at, _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  // Not AVX512_BF16's instruction, which makes zeros of subnormal numbers.
  static void store_bf16(uint8_t* at, Vector value) {
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    const __m512i chosen = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x00400000));
    store_halves(at, _mm512_cvtepi32_epi16(_mm512_srli_epi32(chosen, 16)));
  }

  class Counter {
   public:
    explicit Counter(uint32_t limit)
        : limit_(_mm512_set1_epi32(static_cast<int>(limit))), lanes_(_mm512_setzero_si512()) {}
    void add(Vector value) {
      const __m512i magnitude = _mm512_and_si512(_mm512_castps_si512(value), _mm512_set1_epi32(0x7fffffff));
      const __mmask16 reached = _mm512_cmpge_epi32_mask(magnitude, limit_);
      lanes_ = _mm512_mask_add_epi32(lanes_, reached, lanes_, _mm512_set1_epi32(1));
    }
    int64_t sum() const {
      int32_t lanes[width];
      std::memcpy(lanes, &lanes_, sizeof lanes);
      int64_t total = 0;
      for (int32_t lane : lanes) total += lane;
      return total;
    }

   private:
    __m512i limit_, lanes_;
  };
};

}  // namespace

CastKernels cast_kernels_avx512() { return cast_kernels<Avx512>(); }

}  // namespace lathe
