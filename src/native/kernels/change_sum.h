#pragma once

#include <cstdint>

#include "workers.h"

namespace lathe {

/// How a changed tensor lies to what it was (base) and what it should be (expected).
struct ChangeSum {
  double error = 0;    // Σ (actual − expected)²
  double norm = 0;     // Σ expected²
  double change = 0;   // Σ (expected − base)²
  double base = 0;     // Σ base²
  double overlap = 0;  // Σ (actual − base)·(expected − base)
};

/// In double, and independent of the number of threads.
ChangeSum change_sum(int64_t count, const float* base, const float* expected, const float* actual, Workers& workers);

}  // namespace lathe
