// GPTQ's packing: any words are codes, and come back from them; any zeros and groups are decoded and repacked or
// refused.
#include "kernels/gptq_layout.h"

#include "input.h"

using namespace lathe;
using fuzz::Exact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  constexpr int kBits[] = {2, 3, 4, 8};
  const int bits = kBits[input.between(0, 3)];
  const int64_t inputs = 32 * input.between(1, 4), outputs = 32 * input.between(1, 2), groups = input.between(1, 5);
  const int minus = static_cast<int>(input.between(0, 1));

  Exact<uint32_t> words(inputs * bits / 32 * outputs, input), again(words.count());
  Exact<uint8_t> codes(outputs * inputs);
  gptq_unpack_weight(bits, inputs, outputs, words.data(), codes.data(), fuzz::alone());
  gptq_pack_weight(bits, inputs, outputs, codes.data(), again.data(), fuzz::alone());
  fuzz::promise(again == words);

  Exact<uint32_t> zero_words(groups * outputs * bits / 32, input), zeros_again(zero_words.count());
  Exact<int32_t> zeros(groups * outputs);
  gptq_unpack_zeros(bits, groups, outputs, zero_words.data(), minus, zeros.data());
  fuzz::promise(gptq_pack_zeros(bits, groups, outputs, zeros.data(), minus, zeros_again.data()));
  fuzz::promise(zeros_again == zero_words);

  Exact<int32_t> group_of(inputs);
  const bool in_order = input.between(0, 1) == 0;
  for (int64_t k = 0; k < inputs; ++k)
    group_of.data()[k] = static_cast<int32_t>(in_order ? k * groups / inputs : input.between(0, groups - 1));
  Exact<float> scales(groups * outputs, input), weight(outputs * inputs);
  gptq_dequantize(inputs, outputs, codes.data(), scales.data(), zeros.data(), group_of.data(), weight.data(),
                  fuzz::alone());
  Exact<uint16_t> halves(groups * outputs, input);
  for (const OffsetType type : {OffsetType::kQ4_0, OffsetType::kQ5_0, OffsetType::kQ8_0}) {
    Exact<uint8_t> blocks(outputs * inputs / 32 * offset_block_bytes(type));
    gptq_repack(type, inputs, outputs, codes.data(), halves.data(), zeros.data(), group_of.data(), blocks.data(),
                fuzz::alone());
  }
  return 0;
}
