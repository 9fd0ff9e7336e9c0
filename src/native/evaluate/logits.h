#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace lathe {

/// log Σ exp(logits), in double and without overflow. NaN where a logit is.
inline double log_sum_exp(const float* logits, int64_t count) {
  const float largest = *std::max_element(logits, logits + count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(logits[i] - largest);
  return std::log(sum) + static_cast<double>(largest);
}

}  // namespace lathe
