#include "gptq_layout.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace lathe {
namespace {

/// Put one code into a stream of words that lie `stride` apart. The words begin as zeros.
inline void put(uint32_t* words, int64_t stride, int64_t index, int bits, uint32_t code) {
  const int64_t position = index * bits;
  const int offset = static_cast<int>(position % 32);
  uint32_t* word = words + position / 32 * stride;
  *word |= code << offset;
  if (offset + bits > 32) word[stride] |= code >> (32 - offset);
}

inline uint32_t get(const uint32_t* words, int64_t stride, int64_t index, int bits) {
  const int64_t position = index * bits;
  const int offset = static_cast<int>(position % 32);
  const uint32_t* word = words + position / 32 * stride;
  uint32_t code = *word >> offset;
  if (offset + bits > 32) code |= word[stride] << (32 - offset);
  return code & ((1u << bits) - 1);
}

constexpr int64_t kOutputChunk = 64;  // outputs side by side in the packed words: a few cache lines

template <class Body>
void each_output_chunk(int64_t outputs, Workers& workers, Body body) {
  workers.each((outputs + kOutputChunk - 1) / kOutputChunk, [&](int64_t chunk) {
    const int64_t last = std::min(outputs, (chunk + 1) * kOutputChunk);
    for (int64_t n = chunk * kOutputChunk; n < last; ++n) body(n);
  });
}

/// One block of 32 integers v as GGUF holds it, after the two bytes of d.
void write_block(OffsetType type, const int32_t* v, uint8_t* out) {
  if (type == OffsetType::kQ8_0) {
    for (int j = 0; j < 32; ++j) out[j] = static_cast<uint8_t>(static_cast<int8_t>(v[j]));
    return;
  }
  const int32_t offset = type == OffsetType::kQ4_0 ? 8 : 16;
  if (type == OffsetType::kQ5_0) {
    uint32_t fifth_bits = 0;
    for (int j = 0; j < 32; ++j) fifth_bits |= static_cast<uint32_t>((v[j] + offset) >> 4 & 1) << j;
    std::memcpy(out, &fifth_bits, sizeof fifth_bits);
    out += sizeof fifth_bits;
  }
  for (int j = 0; j < 16; ++j)
    out[j] = static_cast<uint8_t>(((v[j] + offset) & 15) | ((v[j + 16] + offset) & 15) << 4);
}

}  // namespace

void gptq_pack_weight(int bits, int64_t inputs, int64_t outputs, const uint8_t* codes, uint32_t* qweight,
                      Workers& workers) {
  std::fill_n(qweight, inputs * bits / 32 * outputs, 0u);
  each_output_chunk(outputs, workers, [&](int64_t n) {
    for (int64_t k = 0; k < inputs; ++k) put(qweight + n, outputs, k, bits, codes[n * inputs + k]);
  });
}

void gptq_unpack_weight(int bits, int64_t inputs, int64_t outputs, const uint32_t* qweight, uint8_t* codes,
                        Workers& workers) {
  each_output_chunk(outputs, workers, [&](int64_t n) {
    for (int64_t k = 0; k < inputs; ++k) codes[n * inputs + k] = static_cast<uint8_t>(get(qweight + n, outputs, k, bits));
  });
}

bool gptq_pack_zeros(int bits, int64_t groups, int64_t outputs, const int32_t* zeros, int stored_minus,
                     uint32_t* qzeros) {
  const int64_t words = outputs * bits / 32;
  std::fill_n(qzeros, groups * words, 0u);
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t n = 0; n < outputs; ++n) {
      const int32_t stored = zeros[g * outputs + n] - stored_minus;
      if (stored < 0 || stored >= 1 << bits) return false;
      put(qzeros + g * words, 1, n, bits, static_cast<uint32_t>(stored));
    }
  return true;
}

void gptq_unpack_zeros(int bits, int64_t groups, int64_t outputs, const uint32_t* qzeros, int stored_minus,
                       int32_t* zeros) {
  const int64_t words = outputs * bits / 32;
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t n = 0; n < outputs; ++n)
      zeros[g * outputs + n] = static_cast<int32_t>(get(qzeros + g * words, 1, n, bits)) + stored_minus;
}

void gptq_dequantize(int64_t inputs, int64_t outputs, const uint8_t* codes, const float* scales, const int32_t* zeros,
                     const int32_t* g_idx, float* weight, Workers& workers) {
  each_output_chunk(outputs, workers, [&](int64_t n) {
    for (int64_t k = 0; k < inputs; ++k) {
      const int64_t at = static_cast<int64_t>(g_idx[k]) * outputs + n;
      weight[n * inputs + k] = scales[at] * static_cast<float>(codes[n * inputs + k] - zeros[at]);
    }
  });
}

RepackProblem gptq_repack(OffsetType type, int64_t inputs, int64_t outputs, const uint8_t* codes,
                          const uint16_t* scales, const int32_t* zeros, const int32_t* g_idx, uint8_t* blocks,
                          Workers& workers) {
  if (inputs % 32 != 0) return RepackProblem::kUnevenRow;
  for (int64_t k = 0; k < inputs; ++k)
    if (g_idx[k] != g_idx[k / 32 * 32]) return RepackProblem::kMixedGroup;
  const int32_t limit = type == OffsetType::kQ4_0 ? 8 : type == OffsetType::kQ5_0 ? 16 : 128;
  const int64_t block_bytes = offset_block_bytes(type);
  const int64_t row_bytes = inputs / 32 * block_bytes;
  std::atomic<bool> fits{true};
  each_output_chunk(outputs, workers, [&](int64_t n) {
    for (int64_t b = 0; b < inputs / 32 && fits.load(std::memory_order_relaxed); ++b) {
      const int64_t at = static_cast<int64_t>(g_idx[b * 32]) * outputs + n;
      int32_t v[32];
      for (int j = 0; j < 32; ++j) {
        v[j] = codes[n * inputs + b * 32 + j] - zeros[at];
        if (v[j] < -limit || v[j] >= limit) fits = false;
      }
      uint8_t* out = blocks + n * row_bytes + b * block_bytes;
      std::memcpy(out, scales + at, sizeof(uint16_t));
      write_block(type, v, out + sizeof(uint16_t));
    }
  });
  return fits ? RepackProblem::kNone : RepackProblem::kOutOfRange;
}

}  // namespace lathe
