#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "workers.h"

namespace lathe {

/// What DoRA (arXiv 2402.09353) makes of a weight: every output's weights get the length that was trained. Moves
/// values[rows × columns] by `share` towards factor · (values + delta), with factor = magnitude / length of base +
/// delta. Outputs are rows, or, with `lengths` [columns] given, columns. A length of zero stays zero.
void apply_dora(int64_t rows, int64_t columns, float* values, const float* base, const float* delta,
                const float* magnitude, const float* lengths, float share, Workers& workers);

/// sums[columns] += Σ over rows of (base + delta)².
void add_column_squares(int64_t rows, int64_t columns, const float* base, const float* delta, double* sums,
                        Workers& workers);

/// Make the rows of y[count × length] orthonormal, in place, keeping what the first ones span (block Gram-Schmidt,
/// every projection twice: Giraud, Langou, Rozložník 2005). A row within float32's noise of the rows before becomes
/// zeros. Throws Cancelled.
void orthonormalize_rows(int64_t count, int64_t length, float* y, Workers& workers, const std::atomic<bool>* cancelled);

/// a[n × n] = U · diag(s) · Vᵀ, s falling; u and v are [n × n], singular vectors in their rows.
struct SmallSvd {
  std::vector<float> u, s, v;
};
/// One-sided Jacobi in double precision (Demmel and Veselić 1992): small singular values come out as exactly as large
/// ones. Throws Cancelled.
SmallSvd small_svd(int64_t n, const float* a, const std::atomic<bool>* cancelled);

}  // namespace lathe
