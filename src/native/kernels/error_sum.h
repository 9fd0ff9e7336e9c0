#pragma once

#include <cstdint>

#include "workers.h"

namespace lathe {

/// How far a quantized tensor is from what it was: the relative error is √(error / norm).
struct ErrorSum {
  double error = 0;  // Σ (a − b)²
  double norm = 0;   // Σ a²
};

/// In double, and independent of the number of threads.
ErrorSum error_sum(int64_t count, const float* original, const float* restored, Workers& workers);

/// Whether every value is a number, and not infinite.
bool all_finite(int64_t count, const float* values, Workers& workers);

}  // namespace lathe
