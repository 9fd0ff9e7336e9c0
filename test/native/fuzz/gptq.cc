// GPTQ itself on weights and Hessians of any bits: every code fits its bits, every input has a group.
#include "kernels/gptq.h"

#include "input.h"
#include "kernels/error_sum.h"

using namespace lathe;
using fuzz::Exact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  constexpr int kBits[] = {2, 3, 4, 8};
  GptqOptions options;
  options.bits = kBits[input.between(0, 3)];
  const int64_t rows = input.between(1, 4), columns = 8 * input.between(1, 20);
  constexpr int64_t kGroups[] = {-1, 8, 32, 128};
  options.group_size = kGroups[input.between(0, 3)];
  options.symmetric = input.between(0, 1) == 0;
  options.act_order = input.between(0, 1) == 0;
  options.static_groups = options.act_order && input.between(0, 1) == 0;
  options.signed_scales = options.symmetric && input.between(0, 1) == 0;
  options.mse_exponent = input.between(0, 3) == 0 ? 2.4f : 0.0f;
  options.damping_retries = 2;
  const bool shaped = input.between(0, 1) == 0;
  Exact<float> weight(rows * columns, input);
  Exact<float> hessian(columns * columns);
  for (int64_t i = 0; i < hessian.count(); ++i)
    hessian.data()[i] = shaped ? (i % (columns + 1) == 0 ? 1.0f : 0.0f) : input.take<float>();
  // Whoever calls refuses weights that are not finite.
  if (!all_finite(weight.count(), weight.data(), fuzz::alone())) return 0;
  const GptqResult result =
      gptq_quantize(rows, columns, weight.data(), hessian.data(), options, fuzz::alone(), nullptr);
  fuzz::promise(static_cast<int64_t>(result.codes.size()) == rows * columns);
  for (const uint8_t code : result.codes) fuzz::promise(code < 1 << options.bits);
  fuzz::promise(static_cast<int64_t>(result.g_idx.size()) == columns);
  for (const int32_t group : result.g_idx) fuzz::promise(group >= 0 && group < result.groups);
  return 0;
}
