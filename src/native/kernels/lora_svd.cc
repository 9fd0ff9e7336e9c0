#include <algorithm>
#include <cmath>
#include <numeric>

#include "cancelled.h"
#include "gemm.h"
#include "lora.h"

namespace lathe {
namespace {

constexpr int64_t kPanel = 32;
/// What is left of a vector after its projections, as a share of it: below is rounding, not direction.
constexpr double kNoise = 1e-5;
/// Jacobi's rotations end when columns are orthogonal to this share of their lengths.
constexpr double kOrthogonal = 1e-14;
constexpr int kMostSweeps = 60;

void stop_if(const std::atomic<bool>* cancelled) {
  if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) throw Cancelled{};
}

double dot(int64_t n, const float* a, const float* b) {
  double sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) sums[l] += static_cast<double>(a[i + l]) * b[i + l];
  for (; i < n; ++i) sums[0] += static_cast<double>(a[i]) * b[i];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

}  // namespace

void orthonormalize_rows(int64_t count, int64_t length, float* y, Workers& workers,
                         const std::atomic<bool>* cancelled) {
  std::vector<float> coefficients(static_cast<size_t>(kPanel * count));
  std::vector<double> before(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    before[static_cast<size_t>(i)] = std::sqrt(dot(length, y + i * length, y + i * length));
  for (int64_t first = 0; first < count; first += kPanel) {
    const int64_t rows = std::min(kPanel, count - first);
    float* panel = y + first * length;
    for (int pass = 0; pass < 2 && first > 0; ++pass) {
      stop_if(cancelled);
      std::fill_n(coefficients.data(), rows * first, 0.0f);
      const MatrixView done = row_major(y, length);
      gemm(rows, first, length, 1.0f, row_major(panel, length), transposed(done), coefficients.data(), first, workers);
      gemm(rows, length, first, -1.0f, row_major(coefficients.data(), first), done, panel, length, workers);
    }
    for (int64_t i = 0; i < rows; ++i) {
      float* v = panel + i * length;
      for (int pass = 0; pass < 2; ++pass)
        for (int64_t j = 0; j < i; ++j) {
          const float* q = panel + j * length;
          const auto share = static_cast<float>(dot(length, v, q));
          for (int64_t c = 0; c < length; ++c) v[c] -= share * q[c];
        }
      const double norm = std::sqrt(dot(length, v, v));
      const bool is_noise = !(norm > kNoise * before[static_cast<size_t>(first + i)]);
      const auto scale = static_cast<float>(is_noise ? 0 : 1 / norm);
      if (is_noise)
        std::fill_n(v, length, 0.0f);
      else
        for (int64_t c = 0; c < length; ++c) v[c] *= scale;
    }
  }
}

SmallSvd small_svd(int64_t n, const float* a, const std::atomic<bool>* cancelled) {
  const auto size = static_cast<size_t>(n);
  // Rows of `w` are the columns of a, which rotations make orthogonal: w = Vᵀ-rotated, a · V = U · S.
  std::vector<double> w(size * size), v(size * size, 0.0);
  for (size_t r = 0; r < size; ++r)
    for (size_t c = 0; c < size; ++c) w[c * size + r] = a[r * size + c];
  for (size_t i = 0; i < size; ++i) v[i * size + i] = 1;
  bool has_moved = true;
  for (int sweep = 0; sweep < kMostSweeps && has_moved; ++sweep) {
    has_moved = false;
    for (size_t p = 0; p + 1 < size; ++p) {
      stop_if(cancelled);
      for (size_t q = p + 1; q < size; ++q) {
        double alpha = 0, beta = 0, gamma = 0;
        double *wp = &w[p * size], *wq = &w[q * size];
        for (size_t i = 0; i < size; ++i) {
          alpha += wp[i] * wp[i];
          beta += wq[i] * wq[i];
          gamma += wp[i] * wq[i];
        }
        if (gamma == 0 || std::abs(gamma) <= kOrthogonal * std::sqrt(alpha * beta)) continue;
        has_moved = true;
        const double zeta = (beta - alpha) / (2 * gamma);
        const double t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double c = 1 / std::sqrt(1 + t * t), s = c * t;
        double *vp = &v[p * size], *vq = &v[q * size];
        for (size_t i = 0; i < size; ++i) {
          const double x = wp[i], y = vp[i];
          wp[i] = c * x - s * wq[i];
          wq[i] = s * x + c * wq[i];
          vp[i] = c * y - s * vq[i];
          vq[i] = s * y + c * vq[i];
        }
      }
    }
  }
  std::vector<double> lengths(size);
  for (size_t i = 0; i < size; ++i)
    lengths[i] = std::sqrt(std::inner_product(&w[i * size], &w[i * size] + size, &w[i * size], 0.0));
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t l, size_t r) { return lengths[l] > lengths[r]; });
  SmallSvd result{std::vector<float>(size * size), std::vector<float>(size), std::vector<float>(size * size)};
  for (size_t i = 0; i < size; ++i) {
    const size_t from = order[i];
    const double length = lengths[from];
    result.s[i] = static_cast<float>(length);
    for (size_t k = 0; k < size; ++k) {
      result.u[i * size + k] = static_cast<float>(length > 0 ? w[from * size + k] / length : 0);
      result.v[i * size + k] = static_cast<float>(v[from * size + k]);
    }
  }
  return result;
}

}  // namespace lathe
