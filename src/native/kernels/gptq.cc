#include "gptq.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gemm.h"
#include "half.h"
#include "round.h"

namespace lathe {
namespace {

constexpr int64_t kLazyBlock = 128;  // columns between two updates of the whole remainder, as in the reference
constexpr int64_t kRowChunk = 32;    // rows that one thread takes through a block: [128 × 32] floats stay in L1
constexpr int kShrinkSteps = 80;     // of the MSE search: 1.00, 0.99 … 0.21 of the range
constexpr int kSignedSteps = 60;     // of the search over both signs: 1.15, 1.14 … 0.56 of the largest weight

/// Scale and zero point of one row of one group.
struct Grid {
  float scale;
  float zero;
};

inline float quantize(float w, Grid grid, float top) {
  // Far outside of the range is as good as at its end, and keeps round_even's promise.
  const float steps = std::clamp(w / grid.scale, -1024.0f, 1024.0f);
  return std::clamp(round_even(steps) + grid.zero, 0.0f, top);
}

/// A positive scale as float16 holds it.
float make_scale(float scale) {
  constexpr float kLeast = 5.9604645e-8f;  // smallest float16 above zero
  constexpr float kMost = 65504.0f;
  return std::clamp(half_to_float(float_to_half(scale)), kLeast, kMost);
}

/// The range [low, high] cut into top + 1 steps.
Grid make_grid(float low, float high, float top, bool symmetric) {
  const float scale = make_scale((high - low) / top);
  return {scale, symmetric ? (top + 1) / 2 : std::clamp(round_even(std::max(-low / scale, -1024.0f)), 0.0f, top)};
}

/// The best of a range of scales of both signs. −2^(bits−1) is a code and 2^(bits−1) is not: the sign decides on which side
/// the one code more lies, as in ggml's Q4_0, and the best scale is seldom the one that just holds the largest weight.
Grid find_signed_grid(const float* w, int64_t count, const GptqOptions& options) {
  const float top = static_cast<float>((1 << options.bits) - 1);
  const float half = (top + 1) / 2;
  float largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(w[i]));
  if (largest == 0) largest = 1;
  Grid best{};
  double least = std::numeric_limits<double>::infinity();
  for (const float sign : {1.0f, -1.0f})
    for (int step = 0; step < kSignedSteps; ++step) {
      const float share = 1.15f - static_cast<float>(step) / 100.0f;
      const float scale = make_scale(largest / half * share);
      const Grid grid{sign * scale, half};
      double error = 0;
      for (int64_t i = 0; i < count; ++i) {
        const double difference = grid.scale * (quantize(w[i], grid, top) - half) - w[i];
        error += difference * difference;
      }
      if (error < least) {
        least = error;
        best = grid;
      }
    }
  return best;
}

Grid find_grid(const float* w, int64_t count, const GptqOptions& options) {
  if (options.signed_scales) return find_signed_grid(w, count, options);
  const float top = static_cast<float>((1 << options.bits) - 1);
  float low = 0, high = 0;
  for (int64_t i = 0; i < count; ++i) {
    low = std::min(low, w[i]);
    high = std::max(high, w[i]);
  }
  if (options.symmetric) {
    high = std::max(-low, high);
    low = -high;
  }
  if (low == 0 && high == 0) {
    low = -1;
    high = 1;
  }
  Grid best = make_grid(low, high, top, options.symmetric);
  if (options.mse_exponent <= 0) return best;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step < kShrinkSteps; ++step) {
    const float shrink = 1.0f - static_cast<float>(step) / 100.0f;
    const Grid grid = make_grid(shrink * low, shrink * high, top, options.symmetric);
    double error = 0;
    for (int64_t i = 0; i < count && error < least; ++i) {
      const float q = quantize(w[i], grid, top);
      error += std::pow(std::abs(grid.scale * (q - grid.zero) - w[i]), options.mse_exponent);
    }
    if (error < least) {
      least = error;
      best = grid;
    }
  }
  return best;
}

/// m[row][order[c]] becomes m[row][c].
void permute_columns(int64_t rows, int64_t columns, float* m, const std::vector<int32_t>& order, Workers& workers) {
  workers.each(rows, [&](int64_t row) {
    thread_local std::vector<float> line;
    line.assign(m + row * columns, m + (row + 1) * columns);
    for (int64_t c = 0; c < columns; ++c) m[row * columns + c] = line[static_cast<size_t>(order[static_cast<size_t>(c)])];
  });
}

/// Rows of a square matrix in the same way, cycle by cycle: no second matrix is needed.
void permute_rows(int64_t n, float* m, const std::vector<int32_t>& order) {
  std::vector<bool> placed(static_cast<size_t>(n));
  std::vector<float> first(static_cast<size_t>(n));
  for (int64_t start = 0; start < n; ++start) {
    if (placed[static_cast<size_t>(start)]) continue;
    std::copy_n(m + start * n, n, first.data());
    int64_t to = start;
    for (;;) {
      placed[static_cast<size_t>(to)] = true;
      const int64_t from = order[static_cast<size_t>(to)];
      if (from == start) break;
      std::copy_n(m + from * n, n, m + to * n);
      to = from;
    }
    std::copy_n(first.data(), n, m + to * n);
  }
}

/// The factor of the damped inverse in `hessian`'s place; more damping until it exists, or never.
bool factor_hessian(int64_t n, float* hessian, const GptqOptions& options, GptqResult& result, Workers& workers,
                    const std::atomic<bool>* cancelled) {
  std::vector<float> diagonal(static_cast<size_t>(n));
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    diagonal[static_cast<size_t>(i)] = hessian[i * n + i];
    mean += static_cast<double>(hessian[i * n + i]) / static_cast<double>(n);
  }
  if (!std::isfinite(mean)) return false;
  result.damping = options.damping;
  for (int attempt = 0; attempt <= options.damping_retries; ++attempt) {
    if (attempt > 0) {
      result.damping *= 10;
      // The failed attempt kept what is below the diagonal.
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = i + 1; j < n; ++j) hessian[i * n + j] = hessian[j * n + i];
    }
    const float added = static_cast<float>(static_cast<double>(result.damping) * mean);
    for (int64_t i = 0; i < n; ++i) hessian[i * n + i] = diagonal[static_cast<size_t>(i)] + added;
    if (inverse_cholesky_upper(n, hessian, workers, cancelled)) return true;
  }
  return false;
}

}  // namespace

GptqResult gptq_quantize(int64_t rows, int64_t columns, float* weight, float* hessian, const GptqOptions& options,
                         Workers& workers, const std::atomic<bool>* cancelled) {
  const int64_t group_size = options.group_size == -1 ? columns : options.group_size;
  const bool whole_row = options.group_size == -1;
  const float top = static_cast<float>((1 << options.bits) - 1);
  GptqResult result;
  result.groups = columns == 0 ? 0 : (columns + group_size - 1) / group_size;
  result.codes.resize(static_cast<size_t>(rows * columns));
  result.scales.resize(static_cast<size_t>(result.groups * rows));
  result.zeros.resize(static_cast<size_t>(result.groups * rows));
  result.g_idx.resize(static_cast<size_t>(columns));

  // One grid for each row of each group; found before the dead columns are zeroed where the whole row is one group.
  std::vector<Grid> grids(static_cast<size_t>(result.groups * rows));
  auto find_grids = [&](int64_t group, int64_t row, int64_t first_column) {
    const int64_t count = std::min(group_size, columns - first_column);
    grids[static_cast<size_t>(group * rows + row)] = find_grid(weight + row * columns + first_column, count, options);
  };
  if (whole_row) workers.each(rows, [&](int64_t row) { find_grids(0, row, 0); });

  // A matrix that nothing ever went into was not reached: there is nothing to learn, and no reason to lose its weights.
  bool is_unreached = true;
  for (int64_t c = 0; c < columns; ++c) is_unreached = is_unreached && hessian[c * columns + c] == 0;
  for (int64_t c = 0; c < columns && !is_unreached; ++c) {
    if (hessian[c * columns + c] != 0) continue;
    ++result.dead_columns;
    hessian[c * columns + c] = 1;
    for (int64_t row = 0; row < rows; ++row) weight[row * columns + c] = 0;
  }
  const bool is_static = options.static_groups && !whole_row;
  if (is_static)
    workers.each(rows, [&](int64_t row) {
      for (int64_t group = 0; group < result.groups; ++group) find_grids(group, row, group * group_size);
    });

  std::vector<int32_t> order(static_cast<size_t>(columns));
  std::iota(order.begin(), order.end(), 0);
  if (options.act_order) {
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return hessian[a * columns + a] > hessian[b * columns + b];
    });
    permute_columns(rows, columns, weight, order, workers);
    permute_rows(columns, hessian, order);
    permute_columns(columns, columns, hessian, order, workers);
  }
  // `hessian` holds U from here on: U[i][j] says how an error in column i is made good in column j.
  result.fell_back = is_unreached || !factor_hessian(columns, hessian, options, result, workers, cancelled);

  auto group_of = [&](int64_t column) {
    if (whole_row) return int64_t{0};
    return (is_static ? order[static_cast<size_t>(column)] : column) / group_size;
  };

  const int64_t chunks = (rows + kRowChunk - 1) / kRowChunk;
  std::vector<double> losses(static_cast<size_t>(chunks));
  std::vector<float> errors(static_cast<size_t>(rows * kLazyBlock));
  for (int64_t begin = 0; begin < columns; begin += kLazyBlock) {
    if (cancelled && cancelled->load(std::memory_order_relaxed)) throw Cancelled{};
    const int64_t end = std::min(columns, begin + kLazyBlock);
    const int64_t width = end - begin;
    workers.each(chunks, [&](int64_t chunk) {
      const int64_t first_row = chunk * kRowChunk;
      const int64_t count = std::min(kRowChunk, rows - first_row);
      // The block's columns, each one contiguous over the chunk's rows.
      alignas(64) float block[kLazyBlock][kRowChunk];
      for (int64_t r = 0; r < count; ++r)
        for (int64_t i = 0; i < width; ++i) block[i][r] = weight[(first_row + r) * columns + begin + i];
      double loss = 0;
      for (int64_t i = 0; i < width; ++i) {
        const int64_t column = begin + i;
        const int64_t group = group_of(column);
        if (!whole_row && !is_static && column % group_size == 0)
          for (int64_t r = 0; r < count; ++r) find_grids(group, first_row + r, column);
        const float* u = hessian + column * columns + begin;
        const float diagonal = result.fell_back ? 1.0f : u[i];
        alignas(64) float error[kRowChunk];
        const int64_t original = order[static_cast<size_t>(column)];
        for (int64_t r = 0; r < count; ++r) {
          const Grid grid = grids[static_cast<size_t>(group * rows + first_row + r)];
          const float q = quantize(block[i][r], grid, top);
          result.codes[static_cast<size_t>((first_row + r) * columns + original)] = static_cast<uint8_t>(q);
          error[r] = (block[i][r] - grid.scale * (q - grid.zero)) / diagonal;
          loss += static_cast<double>(error[r]) * error[r] / 2;
          errors[static_cast<size_t>((first_row + r) * kLazyBlock + i)] = error[r];
        }
        if (result.fell_back) continue;
        for (int64_t j = i + 1; j < width; ++j)
          for (int64_t r = 0; r < count; ++r) block[j][r] -= error[r] * u[j];
      }
      losses[static_cast<size_t>(chunk)] += loss;
    });
    if (!result.fell_back && end < columns)
      gemm(rows, columns - end, width, -1.0f, row_major(errors.data(), kLazyBlock),
           row_major(hessian + begin * columns + end, columns), weight + end, columns, workers);
  }
  result.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  for (int64_t column = 0; column < columns; ++column)
    result.g_idx[static_cast<size_t>(order[static_cast<size_t>(column)])] = static_cast<int32_t>(group_of(column));
  for (size_t i = 0; i < grids.size(); ++i) {
    result.scales[i] = float_to_half(grids[i].scale);
    result.zeros[i] = static_cast<int32_t>(grids[i].zero);
  }
  return result;
}

}  // namespace lathe
