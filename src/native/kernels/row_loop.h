#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "round.h"
#include "row_kernels.h"

namespace lathe {

// Included by files that are compiled for different instruction sets. Everything here is a template over a type of an
// unnamed namespace, so that the linker cannot take one file's version for another's.

/// Values that are handled side by side. Compilers make vectors of loops whose length they know.
constexpr int64_t kLanes = 16;

/// Calls body(i, n) for runs of values: n is kLanes, and 1 for those at the end.
template <class Isa, class Body>
inline void in_runs(int64_t count, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body.template operator()<kLanes>(i);
  for (; i < count; ++i) body.template operator()<1>(i);
}

template <class Isa>
float largest_of(int64_t count, const float* x) {
  // Magnitudes are ordered as their bits are.
  int32_t most[kLanes] = {};
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    for (int64_t lane = 0; lane < N; ++lane)
      most[lane] = std::max(most[lane], std::bit_cast<int32_t>(x[i + lane]) & 0x7fffffff);
  });
  return std::bit_cast<float>(*std::max_element(most, most + kLanes));
}

template <class Isa>
void to_int8(int64_t count, const float* x, float factor, int8_t* codes) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    for (int64_t lane = 0; lane < N; ++lane)
      codes[i + lane] = static_cast<int8_t>(static_cast<int32_t>(round_even(x[i + lane] * factor)));
  });
}

template <class Isa>
void from_int8(int64_t count, const int8_t* codes, float scale, float factor, float* x) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    for (int64_t lane = 0; lane < N; ++lane) x[i + lane] = static_cast<float>(codes[i + lane]) * scale * factor;
  });
}

template <class Isa>
void nf4_codes(int64_t count, const float* x, float factor, const float* thresholds, uint8_t* codes) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    float value[N];
    int32_t below[N] = {};
    for (int64_t lane = 0; lane < N; ++lane) value[lane] = x[i + lane] * factor;
    for (int threshold = 0; threshold < 15; ++threshold)
      for (int64_t lane = 0; lane < N; ++lane) below[lane] += thresholds[threshold] < value[lane] ? 1 : 0;
    for (int64_t lane = 0; lane < N; ++lane) codes[i + lane] = static_cast<uint8_t>(below[lane]);
  });
}

template <class Isa>
void fp4_codes(int64_t count, const float* x, float factor, const float* thresholds, uint32_t order, uint8_t* codes) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    float value[N], magnitude[N];
    uint32_t below[N] = {};
    for (int64_t lane = 0; lane < N; ++lane) {
      value[lane] = x[i + lane] * factor;
      magnitude[lane] = std::bit_cast<float>(std::bit_cast<uint32_t>(value[lane]) & 0x7fffffffu);
    }
    for (int threshold = 0; threshold < 7; ++threshold)
      for (int64_t lane = 0; lane < N; ++lane) below[lane] += thresholds[threshold] < magnitude[lane] ? 1u : 0u;
    for (int64_t lane = 0; lane < N; ++lane)
      codes[i + lane] = static_cast<uint8_t>((order >> (4 * below[lane]) & 7u) | (value[lane] < 0 ? 8u : 0u));
  });
}

template <class Isa>
void pack_nibbles(int64_t count, const uint8_t* codes, uint8_t* packed) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    uint16_t pair[N];
    std::memcpy(pair, codes + 2 * i, sizeof pair);
    for (int64_t lane = 0; lane < N; ++lane)
      packed[i + lane] = static_cast<uint8_t>(static_cast<uint32_t>(pair[lane]) << 4 | pair[lane] >> 8);
  });
}

template <class Isa>
float maximum_of(int64_t count, const float* x) {
  float most[kLanes];
  std::fill_n(most, kLanes, -std::numeric_limits<float>::infinity());
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    for (int64_t lane = 0; lane < N; ++lane) most[lane] = most[lane] < x[i + lane] ? x[i + lane] : most[lane];
  });
  return *std::max_element(most, most + kLanes);
}

template <class Isa>
float sum_of_lanes(const float* lanes) {
  float sum = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

/// exp of what is at most a little above 0: x = n ln 2 + f with |f| ≤ ln 2 / 2, a polynomial for exp(f) (Cephes,
/// `expf`), and n as the exponent.
template <class Isa>
inline float exponential(float x) {
  constexpr float kLog2E = 1.44269504088896341f, kToInteger = 12582912.0f;  // 1.5 · 2^23
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f, kSmallest = -87.0f;
  const float shifted = x * kLog2E + kToInteger;
  const float n = shifted - kToInteger;
  const float f = x - n * kLn2High - n * kLn2Low;
  float y = 1.9875691500e-4f;
  y = y * f + 1.3981999507e-3f;
  y = y * f + 8.3334519073e-3f;
  y = y * f + 4.1665795894e-2f;
  y = y * f + 1.6666665459e-1f;
  y = y * f + 5.0000001201e-1f;
  y = y * f * f + f + 1;
  const auto exponent = (std::bit_cast<uint32_t>(shifted) + 127u) << 23;
  const float result = y * std::bit_cast<float>(exponent);
  return x < kSmallest ? 0 : result;
}

template <class Isa>
float exponentials_of(int64_t count, float most, float* x) {
  float sums[kLanes] = {};
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    for (int64_t lane = 0; lane < N; ++lane) {
      const float y = exponential<Isa>(x[i + lane] - most);
      x[i + lane] = y;
      sums[lane] += y;
    }
  });
  return sum_of_lanes<Isa>(sums);
}

template <class Isa>
float dot_of(int64_t count, const float* a, const float* b) {
  float sums[kLanes] = {};
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    for (int64_t lane = 0; lane < N; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  });
  return sum_of_lanes<Isa>(sums);
}

/// σ(x), of exp(−|x|), which never overflows.
template <class Isa>
inline float logistic(float x) {
  const float e = exponential<Isa>(x < 0 ? x : -x);
  return (x < 0 ? e : 1.0f) / (1 + e);
}

template <class Isa>
void swiglu(int64_t count, const float* gate, const float* up, float* out) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    // By way of a register: the compiler does not know that the arrays lie apart.
    float y[N];
    for (int64_t lane = 0; lane < N; ++lane) {
      const float g = gate[i + lane];
      y[lane] = logistic<Isa>(g) * g * up[i + lane];
    }
    std::copy_n(y, N, out + i);
  });
}

template <class Isa>
void swiglu_back(int64_t count, const float* d, const float* gate, const float* up, float* d_gate, float* d_up) {
  in_runs<Isa>(count, [&]<int64_t N>(int64_t i) {
    float of_gate[N], of_up[N];
    for (int64_t lane = 0; lane < N; ++lane) {
      const float g = gate[i + lane], share = logistic<Isa>(g), given = d[i + lane];
      of_gate[lane] = given * up[i + lane] * share * (1 + g * (1 - share));
      of_up[lane] = given * share * g;
    }
    std::copy_n(of_gate, N, d_gate + i);
    std::copy_n(of_up, N, d_up + i);
  });
}

template <class Isa>
RowKernels make_row_kernels() {
  return {largest_of<Isa>, to_int8<Isa>,         from_int8<Isa>, nf4_codes<Isa>, fp4_codes<Isa>,  pack_nibbles<Isa>,
          maximum_of<Isa>, exponentials_of<Isa>, dot_of<Isa>,    swiglu<Isa>,    swiglu_back<Isa>};
}

}  // namespace lathe
