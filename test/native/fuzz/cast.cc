// All conversions between float types, at any length and address; every instruction set gives the same bits.
#include "kernels/cast.h"

#include "input.h"

using namespace lathe;
using fuzz::Exact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  constexpr FloatType kTypes[] = {FloatType::kF32, FloatType::kF16, FloatType::kBF16, FloatType::kF64};
  const FloatType from = kTypes[input.between(0, 3)], to = kTypes[input.between(0, 2)];
  const bool odd = input.between(0, 1) == 1;
  const int64_t count = input.between(0, 300);
  Exact<uint8_t> source(count * float_size(from), input, odd);
  Exact<uint8_t> plain(count * float_size(to));
  const CastCounts expected = cast(source.data(), from, plain.data(), to, count, CpuLevel::kPlain);
  for (const CpuLevel level : {CpuLevel::kAvx2, CpuLevel::kAvx512, CpuLevel::kNeon}) {
    if (!cpu_has(level)) continue;
    Exact<uint8_t> target(count * float_size(to), odd);
    const CastCounts found = cast(source.data(), from, target.data(), to, count, level);
    fuzz::promise(target == plain && found.non_finite == expected.non_finite &&
                  found.overflowed == expected.overflowed);
  }
  return 0;
}
