#include <algorithm>
#include <cmath>

#include "lora.h"

namespace lathe {
namespace {

constexpr int64_t kRowsAtOnce = 16;
constexpr int64_t kColumnsAtOnce = 512;

int64_t pieces_of(int64_t count, int64_t at_once) { return (count + at_once - 1) / at_once; }

float factor_of(float magnitude, double length) {
  return length > 0 ? static_cast<float>(static_cast<double>(magnitude) / length) : 0.0f;
}

}  // namespace

void apply_dora(int64_t rows, int64_t columns, float* values, const float* base, const float* delta,
                const float* magnitude, const float* lengths, float share, Workers& workers) {
  workers.each(pieces_of(rows, kRowsAtOnce), [&](int64_t piece) {
    const int64_t end = std::min(rows, (piece + 1) * kRowsAtOnce);
    for (int64_t row = piece * kRowsAtOnce; row < end; ++row) {
      float* out = values + row * columns;
      const float* d = delta + row * columns;
      // A whole step is the formula itself, not a way to it that is rounded twice more.
      const auto step = [=](float value, float change, float factor) {
        const float full = factor * (value + change);
        return share == 1.0f ? full : value + share * (full - value);
      };
      if (lengths != nullptr) {
        for (int64_t c = 0; c < columns; ++c) out[c] = step(out[c], d[c], factor_of(magnitude[c], lengths[c]));
        continue;
      }
      const float* w = base + row * columns;
      double square = 0;
      for (int64_t c = 0; c < columns; ++c) {
        const double v = static_cast<double>(w[c]) + d[c];
        square += v * v;
      }
      const float factor = factor_of(magnitude[row], std::sqrt(square));
      for (int64_t c = 0; c < columns; ++c) out[c] = step(out[c], d[c], factor);
    }
  });
}

void add_column_squares(int64_t rows, int64_t columns, const float* base, const float* delta, double* sums,
                        Workers& workers) {
  workers.each(pieces_of(columns, kColumnsAtOnce), [&](int64_t piece) {
    const int64_t first = piece * kColumnsAtOnce, end = std::min(columns, first + kColumnsAtOnce);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t c = first; c < end; ++c) {
        const double v = static_cast<double>(base[row * columns + c]) + delta[row * columns + c];
        sums[c] += v * v;
      }
  });
}

}  // namespace lathe
