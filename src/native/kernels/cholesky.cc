#include "cholesky.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gemm.h"

namespace lathe {
namespace {

constexpr int64_t kBlock = 128;

void stop_if(const std::atomic<bool>* cancelled) {
  if (cancelled && cancelled->load(std::memory_order_relaxed)) throw Cancelled{};
}

/// Σ a[i]·b[i] in double: the diagonal blocks decide whether the factorization succeeds.
double dot(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// R with H = R·Rᵀ, in the upper triangle of `h`; what is below is left as it was.
bool factor_from_the_end(int64_t n, float* h, Workers& workers, const std::atomic<bool>* cancelled) {
  std::vector<float> diagonal_block(kBlock * kBlock);
  for (int64_t end = n; end > 0; end -= kBlock) {
    stop_if(cancelled);
    const int64_t begin = std::max<int64_t>(0, end - kBlock);
    const int64_t width = end - begin;
    const int64_t solved = n - end;
    // Take the columns that are solved out of this block column: H[0:end, block] −= R[0:end, end:] · R[block, end:]ᵀ.
    if (solved > 0) {
      const MatrixView block_rows = transposed(row_major(h + begin * n + end, n));
      gemm(begin, width, solved, -1.0f, row_major(h + end, n), block_rows, h + begin, n, workers);
      std::fill(diagonal_block.begin(), diagonal_block.end(), 0.0f);
      gemm(width, width, solved, -1.0f, row_major(h + begin * n + end, n), block_rows, diagonal_block.data(), kBlock,
           workers);
      for (int64_t i = 0; i < width; ++i)
        for (int64_t j = i; j < width; ++j) h[(begin + i) * n + begin + j] += diagonal_block[i * kBlock + j];
    }
    // The diagonal block, from its last column to its first.
    for (int64_t j = end - 1; j >= begin; --j) {
      const float* row_j = h + j * n;
      const int64_t known = end - 1 - j;
      const double diagonal = row_j[j] - dot(row_j + j + 1, row_j + j + 1, known);
      if (!(diagonal > 0) || !std::isfinite(diagonal)) return false;
      const float root = static_cast<float>(std::sqrt(diagonal));
      h[j * n + j] = root;
      for (int64_t i = begin; i < j; ++i) {
        float* row_i = h + i * n;
        row_i[j] = static_cast<float>((row_i[j] - dot(row_i + j + 1, row_j + j + 1, known)) / root);
      }
    }
    // The rows above it: each solves against the block's triangle on its own.
    workers.each((begin + kBlock - 1) / kBlock, [&](int64_t piece) {
      const int64_t last = std::min(begin, (piece + 1) * kBlock);
      for (int64_t i = piece * kBlock; i < last; ++i) {
        float* row_i = h + i * n;
        for (int64_t j = end - 1; j >= begin; --j) {
          const float* row_j = h + j * n;
          row_i[j] = static_cast<float>((row_i[j] - dot(row_i + j + 1, row_j + j + 1, end - 1 - j)) / row_j[j]);
        }
      }
    });
  }
  return true;
}

/// Replace the upper triangular matrix by its inverse, block row by block row from the bottom.
void invert_upper(int64_t n, float* r, Workers& workers, const std::atomic<bool>* cancelled) {
  std::vector<float> row_block;
  std::vector<float> product;
  const int64_t last_begin = (n - 1) / kBlock * kBlock;
  for (int64_t begin = last_begin; begin >= 0; begin -= kBlock) {
    stop_if(cancelled);
    const int64_t end = std::min(n, begin + kBlock);
    const int64_t width = end - begin;
    // The inverse of the diagonal block, in double, from its last row to its first.
    for (int64_t i = end - 1; i >= begin; --i) {
      const double inverse = 1.0 / r[i * n + i];
      for (int64_t j = end - 1; j > i; --j) {
        double sum = 0;
        for (int64_t q = i + 1; q <= j; ++q) sum += static_cast<double>(r[i * n + q]) * r[q * n + j];
        product.resize(static_cast<size_t>(kBlock));
        product[static_cast<size_t>(j - begin)] = static_cast<float>(-sum * inverse);
      }
      for (int64_t j = i + 1; j < end; ++j) r[i * n + j] = product[static_cast<size_t>(j - begin)];
      r[i * n + i] = static_cast<float>(inverse);
    }
    const int64_t rest = n - end;
    if (rest == 0) continue;
    // U[block, end:] = −R[block, block]⁻¹ · R[block, end:] · U[end:, end:].
    row_block.assign(static_cast<size_t>(width * rest), 0.0f);
    for (int64_t i = 0; i < width; ++i) std::copy_n(r + (begin + i) * n + end, rest, row_block.data() + i * rest);
    product.assign(static_cast<size_t>(width * rest), 0.0f);
    // Column blocks, since the triangle below a column's own block is zero.
    for (int64_t column = 0; column < rest; column += 4 * kBlock) {
      const int64_t columns = std::min(4 * kBlock, rest - column);
      const int64_t depth = column + columns;
      gemm(width, columns, depth, 1.0f, row_major(row_block.data(), rest), row_major(r + end * n + end + column, n),
           product.data() + column, rest, workers);
    }
    for (int64_t i = 0; i < width; ++i) std::fill_n(r + (begin + i) * n + end, rest, 0.0f);
    gemm(width, rest, width, -1.0f, row_major(r + begin * n + begin, n), row_major(product.data(), rest),
         r + begin * n + end, n, workers);
  }
}

}  // namespace

bool inverse_cholesky_upper(int64_t n, float* h, Workers& workers, const std::atomic<bool>* cancelled) {
  if (n == 0) return true;
  if (!factor_from_the_end(n, h, workers, cancelled)) return false;
  for (int64_t i = 1; i < n; ++i) std::fill_n(h + i * n, i, 0.0f);
  invert_upper(n, h, workers, cancelled);
  return true;
}

}  // namespace lathe
