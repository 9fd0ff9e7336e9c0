#pragma once

#include <cstdint>

#include "workers.h"

namespace lathe {

/// The 4-bit data types of bitsandbytes: NF4 (QLoRA, arXiv 2305.14314) and FP4.
enum class FourBitType { kNf4, kFp4 };

/// The 16 values, in code order.
const float* four_bit_values(FourBitType type);

/// Quantize `count` weights taken as one flat row-major run, in blocks of `block_size` (blocks may straddle rows, the
/// last one may be short). packed [(count + 1) / 2]: the even element in the high nibble. absmax [blocks].
/// A weight exactly between two values takes the lower one; a block of zeros gets the code of 0.
void four_bit_quantize(FourBitType type, int64_t count, int64_t block_size, const float* weight, uint8_t* packed,
                       float* absmax, Workers& workers);

/// `values`: the 16 of the file's own quant_map, never assumed.
void four_bit_dequantize(const float* values, int64_t count, int64_t block_size, const uint8_t* packed,
                         const float* absmax, float* weight, Workers& workers);

/// bitsandbytes' signed 8-bit dynamic map: 256 values in rising order; index 127 is 0, 255 is 1, and there is no -1.
const float* dynamic_map();

constexpr int64_t kNestedBlock = 256;

/// Double quantization of the absmax values: their mean is taken out, the rest quantized in blocks of 256 to the nearest
/// value of the dynamic map (the lower index on a tie). codes [count], nested_absmax [⌈count / 256⌉]; returns the mean.
float nest_absmax(int64_t count, const float* absmax, uint8_t* codes, float* nested_absmax);

/// `map`: the 256 values of the file's own nested_quant_map.
void unnest_absmax(const float* map, int64_t count, const uint8_t* codes, const float* nested_absmax, float offset,
                   float* absmax);

}  // namespace lathe
