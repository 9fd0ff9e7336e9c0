#pragma once

#include <atomic>
#include <cstdint>

#include "cancelled.h"
#include "workers.h"

namespace lathe {

/// For a symmetric positive definite H[n × n], row-major: replace it by the upper triangular U with UᵀU = H⁻¹, zeros
/// below. This is the factor that GPTQ walks along (arXiv 2210.17323, step 3).
///
/// H⁻¹ is never formed: with H = R·Rᵀ, R upper triangular, U is R⁻¹. That is one factorization taken from the last
/// column to the first, and one triangular inverse: n³/3 multiply-adds, where Cholesky, inverse and Cholesky need four
/// times as many.
///
/// Returns false when H is not positive definite to float32: what is above the diagonal and on it is then rubbish, what
/// is below is still H's, so that the caller can try again with more damping. Throws Cancelled.
bool inverse_cholesky_upper(int64_t n, float* h, Workers& workers, const std::atomic<bool>* cancelled);

}  // namespace lathe
