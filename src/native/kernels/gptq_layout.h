#pragma once

#include <cstdint>

#include "workers.h"

namespace lathe {

/// The GPTQ checkpoint's packing (AutoGPTQ, GPTQModel): codes of `bits` bits as one stream, least significant bit first,
/// over 32-bit words; with 3 bits some codes straddle two words. Inputs and outputs are multiples of 32.

/// codes [outputs × inputs] to qweight [inputs · bits / 32 × outputs]: a stream runs down the inputs of one output.
void gptq_pack_weight(int bits, int64_t inputs, int64_t outputs, const uint8_t* codes, uint32_t* qweight,
                      Workers& workers);
void gptq_unpack_weight(int bits, int64_t inputs, int64_t outputs, const uint32_t* qweight, uint8_t* codes,
                        Workers& workers);

/// zeros [groups × outputs] to qzeros [groups × outputs · bits / 32], a stream along the outputs. `stored_minus`: what
/// the format takes off, 1 in "gptq" (v1) and 0 in "gptq_v2". Returns false when a zero has no legal field: 0 in v1,
/// or one above the range.
bool gptq_pack_zeros(int bits, int64_t groups, int64_t outputs, const int32_t* zeros, int stored_minus,
                     uint32_t* qzeros);
/// Adds `stored_minus` without masking, as vLLM, ExLlama and llama.cpp read it: a v1 field of all ones is 2^bits.
void gptq_unpack_zeros(int bits, int64_t groups, int64_t outputs, const uint32_t* qzeros, int stored_minus,
                       int32_t* zeros);

/// weight [outputs × inputs] = scale · (code − zero) with the group of each input from g_idx; scales [groups × outputs].
void gptq_dequantize(int64_t inputs, int64_t outputs, const uint8_t* codes, const float* scales, const int32_t* zeros,
                     const int32_t* g_idx, float* weight, Workers& workers);

/// GGUF blocks of 32 that hold d · integer: their type decides which integers fit.
enum class OffsetType { kQ4_0, kQ5_0, kQ8_0 };

/// What keeps a GPTQ tensor from being repacked bit for bit.
enum class RepackProblem { kNone, kMixedGroup, kOutOfRange, kUnevenRow };

/// The same numbers as GGUF blocks, row by row: d is the scale's float16 itself and the integer code − zero. Exact, or
/// refused: kMixedGroup where a run of 32 inputs does not share one group (act-order), kOutOfRange where an integer does
/// not fit the type, kUnevenRow where a row is no whole number of blocks. scales [groups × outputs] as float16 bits.
RepackProblem gptq_repack(OffsetType type, int64_t inputs, int64_t outputs, const uint8_t* codes,
                          const uint16_t* scales, const int32_t* zeros, const int32_t* g_idx, uint8_t* blocks,
                          Workers& workers);

/// Bytes of a block of 32.
constexpr int64_t offset_block_bytes(OffsetType type) {
  return type == OffsetType::kQ4_0 ? 18 : type == OffsetType::kQ5_0 ? 22 : 34;
}

}  // namespace lathe
