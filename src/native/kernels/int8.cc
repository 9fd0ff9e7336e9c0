#include "int8.h"

#include <algorithm>
#include <bit>
#include <atomic>
#include <cmath>
#include <vector>

#include "cast.h"
#include "round.h"
#include "row_kernels.h"

namespace lathe {
namespace {

constexpr float kInverse127 = 7.874015718698502e-3f;  // bitsandbytes writes 1/127 as this float32

}  // namespace

int64_t int8_quantize_rows(int64_t rows, int64_t columns, const float* weight, int8_t* codes, float* scb,
                           Workers& workers) {
  const RowKernels& kernels = row_kernels();
  const CpuLevel level = best_cpu_level();
  std::atomic<int64_t> infinite{0};
  workers.each(rows, [&](int64_t row) {
    thread_local std::vector<float> line;
    thread_local std::vector<uint16_t> halves;
    line.resize(static_cast<size_t>(columns));
    halves.resize(static_cast<size_t>(columns));
    const CastCounts met =
        cast(weight + row * columns, FloatType::kF32, halves.data(), FloatType::kF16, columns, level);
    cast(halves.data(), FloatType::kF16, line.data(), FloatType::kF32, columns, level);
    const bool finite = met.non_finite + met.overflowed == 0;
    const float absmax = finite ? kernels.largest(columns, line.data()) : 0.0f;
    scb[row] = absmax;
    if (!finite) ++infinite;
    // bitsandbytes takes the reciprocal first, and then 127 times it: the last bit decides some ties.
    const float scale = absmax > 0 ? (1.0f / absmax) * 127.0f : 0.0f;
    if (finite)
      kernels.to_int8(columns, line.data(), scale, codes + row * columns);
    else
      std::fill_n(codes + row * columns, columns, int8_t{0});
  });
  return infinite;
}

void int8_dequantize_rows(int64_t rows, int64_t columns, const int8_t* codes, const float* scb, float* weight,
                          Workers& workers) {
  const RowKernels& kernels = row_kernels();
  workers.each(rows, [&](int64_t row) {
    kernels.from_int8(columns, codes + row * columns, scb[row], kInverse127, weight + row * columns);
  });
}

namespace {

/// The next number of eight significant bits: bfloat16 has these, and float16 as well for all but the smallest.
float round_up_to_eight_bits(float value) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(value) + 0xffffu) & 0xffff0000u);
}

/// A 255th of what lies between two finite numbers, and never zero or infinite: their difference may be more than a
/// float holds, and its 255th less.
float step_between(float low, float high) {
  const float range = high - low;
  const float step = std::isinf(range) ? high / 255.0f - low / 255.0f : range / 255.0f;
  return std::max(round_up_to_eight_bits(step), std::bit_cast<float>(0x00010000u));
}

}  // namespace

void int8_quantize_rows_zero_point(int64_t rows, int64_t columns, const float* weight, int8_t* codes, float* scales,
                                   int8_t* zero_points, Workers& workers) {
  workers.each(rows, [&](int64_t row) {
    const float* w = weight + row * columns;
    float low = 0, high = 0;
    for (int64_t c = 0; c < columns; ++c) {
      low = std::min(low, w[c]);
      high = std::max(high, w[c]);
    }
    const float scale = high > low ? step_between(low, high) : 1.0f;
    const float zero = round_even(-low / scale);  // 0..255: the code that means 0
    scales[row] = scale;
    zero_points[row] = static_cast<int8_t>(zero - 128.0f);
    for (int64_t c = 0; c < columns; ++c)
      codes[row * columns + c] = static_cast<int8_t>(std::clamp(round_even(w[c] / scale) + zero, 0.0f, 255.0f) - 128.0f);
  });
}

void int8_dequantize_rows_zero_point(int64_t rows, int64_t columns, const int8_t* codes, const float* scales,
                                     const int8_t* zero_points, float* weight, Workers& workers) {
  workers.each(rows, [&](int64_t row) {
    for (int64_t c = 0; c < columns; ++c)
      weight[row * columns + c] = scales[row] * static_cast<float>(codes[row * columns + c] - zero_points[row]);
  });
}

}  // namespace lathe
