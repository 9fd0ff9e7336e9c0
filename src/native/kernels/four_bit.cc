#include "four_bit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "row_kernels.h"

namespace lathe {
namespace {

constexpr int64_t kPieceWeights = 65536;  // that a thread takes at a time

constexpr std::array<float, 16> kNf4 = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

// Three bits of magnitude, not in rising order, and the sign in bit 3.
constexpr std::array<float, 16> kFp4 = {
    0.0f, 0.0625f / 12,  8.0f / 12,  12.0f / 12,  4.0f / 12,  6.0f / 12,  2.0f / 12,  3.0f / 12,
    -0.0f, -0.0625f / 12, -8.0f / 12, -12.0f / 12, -4.0f / 12, -6.0f / 12, -2.0f / 12, -3.0f / 12,
};

/// Values in rising order with their codes, and the thresholds half-way between neighbours.
struct Ladder {
  std::array<float, 15> thresholds{};
  uint32_t order = 0;  // up to eight codes in rising order of their values, four bits each
  uint8_t zero = 0;    // the code that means 0
};

Ladder make_ladder(const float* values, size_t count) {
  std::array<uint8_t, 16> codes{};
  std::iota(codes.begin(), codes.end(), uint8_t{0});
  const auto end = codes.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(codes.begin(), end, [&](uint8_t a, uint8_t b) { return values[a] < values[b]; });
  Ladder ladder;
  for (size_t i = 0; i + 1 < count; ++i) ladder.thresholds[i] = (values[codes[i]] + values[codes[i + 1]]) / 2;
  for (size_t i = 0; i < std::min<size_t>(count, 8); ++i) ladder.order |= uint32_t{codes[i]} << (4 * i);
  ladder.zero = static_cast<uint8_t>(std::find(values, values + count, 0.0f) - values);
  return ladder;
}

const Ladder& ladder_of(FourBitType type) {
  static const Ladder nf4 = make_ladder(kNf4.data(), 16);
  static const Ladder fp4 = make_ladder(kFp4.data(), 8);  // of the magnitudes
  return type == FourBitType::kNf4 ? nf4 : fp4;
}

}  // namespace

const float* four_bit_values(FourBitType type) { return type == FourBitType::kNf4 ? kNf4.data() : kFp4.data(); }

void four_bit_quantize(FourBitType type, int64_t count, int64_t block_size, const float* weight, uint8_t* packed,
                       float* absmax, Workers& workers) {
  const Ladder& ladder = ladder_of(type);
  const RowKernels& kernels = row_kernels();
  const auto encode = [&](int64_t n, const float* x, float factor, uint8_t* out) {
    if (type == FourBitType::kNf4)
      kernels.nf4(n, x, factor, ladder.thresholds.data(), out);
    else
      kernels.fp4(n, x, factor, ladder.thresholds.data(), ladder.order, out);
  };
  const int64_t blocks = (count + block_size - 1) / block_size;
  // A piece is a whole number of blocks and of bytes: block sizes are even.
  const int64_t blocks_per_piece = std::max<int64_t>(1, kPieceWeights / block_size);
  workers.each((blocks + blocks_per_piece - 1) / blocks_per_piece, [&](int64_t piece) {
    thread_local std::vector<uint8_t> codes;
    codes.resize(static_cast<size_t>(std::min(block_size, count) + 1));
    const int64_t last_block = std::min(blocks, (piece + 1) * blocks_per_piece);
    for (int64_t block = piece * blocks_per_piece; block < last_block; ++block) {
      const int64_t begin = block * block_size;
      const int64_t size = std::min(block_size, count - begin);
      const float* w = weight + begin;
      const float largest = kernels.largest(size, w);
      absmax[block] = largest;
      if (size == block_size || largest == 0) {
        encode(size, w, largest > 0 ? 1.0f / largest : 0.0f, codes.data());
      } else {
        // bitsandbytes' CPU path multiplies by the reciprocal, and divides in a last block that is not full.
        for (int64_t i = 0; i < size; ++i) {
          const float x = w[i] / largest;
          encode(1, &x, 1.0f, &codes[static_cast<size_t>(i)]);
        }
      }
      // An odd count is filled up with one zero.
      codes[static_cast<size_t>(size)] = ladder.zero;
      kernels.pack_nibbles((size + 1) / 2, codes.data(), packed + begin / 2);
    }
  });
}

void four_bit_dequantize(const float* values, int64_t count, int64_t block_size, const uint8_t* packed,
                         const float* absmax, float* weight, Workers& workers) {
  const int64_t blocks = (count + block_size - 1) / block_size;
  const int64_t blocks_per_piece = std::max<int64_t>(1, kPieceWeights / block_size);
  workers.each((blocks + blocks_per_piece - 1) / blocks_per_piece, [&](int64_t piece) {
    const int64_t last_block = std::min(blocks, (piece + 1) * blocks_per_piece);
    for (int64_t block = piece * blocks_per_piece; block < last_block; ++block) {
      const int64_t begin = block * block_size;
      const int64_t end = std::min(count, begin + block_size);
      // Every value of the block is one of 16.
      float scaled[16];
      for (size_t code = 0; code < 16; ++code) scaled[code] = values[code] * absmax[block];
      const int64_t whole = begin + (end - begin) / 2 * 2;
      for (int64_t i = begin; i < whole; i += 2) {
        const uint8_t byte = packed[i / 2];
        weight[i] = scaled[byte >> 4];
        weight[i + 1] = scaled[byte & 15];
      }
      if (whole < end) weight[whole] = scaled[packed[whole / 2] >> 4];
    }
  });
}

const float* dynamic_map() {
  // Seven decades; the k-th has 2^k values, the means of neighbouring points of an even division of [0.1, 1].
  static const std::array<float, 256> map = [] {
    std::array<float, 256> values{};
    size_t filled = 0;
    for (int decade = 0; decade < 7; ++decade) {
      const int steps = 1 << decade;
      const double power = std::pow(10.0, decade - 6);
      for (int i = 0; i < steps; ++i) {
        const float left = static_cast<float>(0.1 + 0.9 * i / steps);
        const float right = static_cast<float>(0.1 + 0.9 * (i + 1) / steps);
        const float value = static_cast<float>(power * static_cast<double>((left + right) / 2.0f));
        values[filled++] = value;
        values[filled++] = -value;
      }
    }
    values[filled++] = 0.0f;
    values[filled] = 1.0f;
    std::sort(values.begin(), values.end());
    return values;
  }();
  return map.data();
}

float nest_absmax(int64_t count, const float* absmax, uint8_t* codes, float* nested_absmax) {
  const float* map = dynamic_map();
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += absmax[i];
  const float mean = count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0.0f;
  for (int64_t begin = 0; begin < count; begin += kNestedBlock) {
    const int64_t end = std::min(count, begin + kNestedBlock);
    float largest = 0;
    for (int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(absmax[i] - mean));
    nested_absmax[begin / kNestedBlock] = largest;
    for (int64_t i = begin; i < end; ++i) {
      const float x = largest > 0 ? (absmax[i] - mean) / largest : 0.0f;
      const float* above = std::lower_bound(map, map + 256, x);
      const int64_t upper = std::min<int64_t>(above - map, 255);
      const int64_t lower = std::max<int64_t>(upper - 1, 0);
      codes[i] = static_cast<uint8_t>(x <= (map[lower] + map[upper]) / 2 ? lower : upper);
    }
  }
  return mean;
}

void unnest_absmax(const float* map, int64_t count, const uint8_t* codes, const float* nested_absmax, float offset,
                   float* absmax) {
  for (int64_t i = 0; i < count; ++i) absmax[i] = map[codes[i]] * nested_absmax[i / kNestedBlock] + offset;
}

}  // namespace lathe
