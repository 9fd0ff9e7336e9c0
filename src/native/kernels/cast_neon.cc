#include <arm_neon.h>

#include "cast_loop.h"

namespace lathe {
namespace {

struct Neon {
  using Vector = float32x4_t;
  static constexpr int width = 4;

  static uint16x4_t load_halves(const uint8_t* at) { return vreinterpret_u16_u8(vld1_u8(at)); }
  static Vector load_f32(const uint8_t* at) { return vreinterpretq_f32_u8(vld1q_u8(at)); }
  static Vector load_f16(const uint8_t* at) { return vcvt_f32_f16(vreinterpret_f16_u16(load_halves(at))); }
  static Vector load_bf16(const uint8_t* at) { return vreinterpretq_f32_u32(vshll_n_u16(load_halves(at), 16)); }

  static void store_halves(uint8_t* at, uint16x4_t halves) { vst1_u8(at, vreinterpret_u8_u16(halves)); }
  static void store_f32(uint8_t* at, Vector value) { vst1q_u8(at, vreinterpretq_u8_f32(value)); }
  static void store_f16(uint8_t* at, Vector value) { store_halves(at, vreinterpret_u16_f16(vcvt_f16_f32(value))); }
  static void store_bf16(uint8_t* at, Vector value) {
    const uint32x4_t bits = vreinterpretq_u32_f32(value);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x00400000));
    const uint32x4_t number = vceqq_f32(value, value);
    store_halves(at, vshrn_n_u32(vbslq_u32(number, rounded, quiet), 16));
  }

  class Counter {
   public:
    explicit Counter(uint32_t limit) : limit_(vdupq_n_u32(limit)), lanes_(vdupq_n_u32(0)) {}
    void add(Vector value) {
      const uint32x4_t magnitude = vandq_u32(vreinterpretq_u32_f32(value), vdupq_n_u32(0x7fffffff));
      lanes_ = vsubq_u32(lanes_, vcgeq_u32(magnitude, limit_));
    }
    int64_t sum() const { return static_cast<int64_t>(vaddlvq_u32(lanes_)); }

   private:
    uint32x4_t limit_, lanes_;
  };
};

}  // namespace

CastKernels cast_kernels_neon() { return cast_kernels<Neon>(); }

}  // namespace lathe
