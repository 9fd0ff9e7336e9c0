// bitsandbytes' 4-bit types: any weights to codes, and any codes, tables and absmax values to weights.
#include "kernels/four_bit.h"

#include "input.h"

using namespace lathe;
using fuzz::Exact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const FourBitType type = input.between(0, 1) == 0 ? FourBitType::kNf4 : FourBitType::kFp4;
  const int64_t block = 2 * input.between(1, 80);
  const int64_t count = input.between(0, 600);
  const int64_t blocks = (count + block - 1) / block;
  Exact<float> weight(count, input);
  Exact<uint8_t> packed((count + 1) / 2);
  Exact<float> absmax(blocks);
  four_bit_quantize(type, count, block, weight.data(), packed.data(), absmax.data(), fuzz::alone());

  Exact<uint8_t> codes((count + 1) / 2, input);
  Exact<float> values(16, input), scales(blocks, input), out(count);
  four_bit_dequantize(values.data(), count, block, codes.data(), scales.data(), out.data(), fuzz::alone());

  const int64_t nested = (blocks + kNestedBlock - 1) / kNestedBlock;
  Exact<uint8_t> nested_codes(blocks);
  Exact<float> nested_absmax(nested);
  const float offset = nest_absmax(blocks, scales.data(), nested_codes.data(), nested_absmax.data());
  Exact<float> map(256, input);
  unnest_absmax(map.data(), blocks, nested_codes.data(), nested_absmax.data(), offset, scales.data());
  return 0;
}
