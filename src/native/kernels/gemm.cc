#include "gemm.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

#include "cpu_features.h"

namespace lathe {
namespace {

// A block of A (kRowBlock × kDepth) stays in a core's L2 cache, a panel of B (kDepth × a tile's columns) in its L1.
constexpr int64_t kDepth = 240;
constexpr int64_t kRowBlock = 336;  // a multiple of every kernel's rows: 4, 6, 8, 14
constexpr int64_t kColumnBlock = 3072;
// Floats of a block of B that stay in L2 as a whole: then C is gone through along its rows, not down its columns.
constexpr int64_t kSmallBlock = 96 * 1024;
// Panels of B that a thread packs at a time.
constexpr int64_t kPanelsTogether = 8;
constexpr int64_t kLargestTile = 14 * 32;

GemmKernel best_kernel() {
#if defined(__x86_64__) || defined(_M_X64)
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx512) return gemm_kernel_avx512();
  if (cpu.avx2) return gemm_kernel_avx2();
#elif defined(__aarch64__) || defined(_M_ARM64)
  return gemm_kernel_neon();
#endif
  return gemm_kernel_plain();
}

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

void copy_four(const float* from, float* to) {
#if defined(__SSE__) || defined(_M_X64)
  _mm_storeu_ps(to, _mm_loadu_ps(from));
#else
  std::memcpy(to, from, 4 * sizeof(float));
#endif
}

/// out[d · width + l] = lines[l · line_stride + d] for four lines and four steps of the depth.
void turn_four(const float* lines, int64_t line_stride, float* out, int64_t width) {
#if defined(__SSE__) || defined(_M_X64)
  __m128 a = _mm_loadu_ps(lines), b = _mm_loadu_ps(lines + line_stride);
  __m128 c = _mm_loadu_ps(lines + 2 * line_stride), d = _mm_loadu_ps(lines + 3 * line_stride);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(out, a);
  _mm_storeu_ps(out + width, b);
  _mm_storeu_ps(out + 2 * width, c);
  _mm_storeu_ps(out + 3 * width, d);
#else
  for (int64_t d = 0; d < 4; ++d)
    for (int64_t l = 0; l < 4; ++l) out[d * width + l] = lines[l * line_stride + d];
#endif
}

/// Lines that lie one after another, each whole: the block is turned on its way.
void pack_turned(int64_t lines, int64_t depth, const float* source, int64_t line_stride, int64_t width, float* packed) {
  const int64_t fours = lines / 4 * 4, steps = depth / 4 * 4;
  for (int64_t l = 0; l < fours; l += 4) {
    const float* from = source + l * line_stride;
    for (int64_t d = 0; d < steps; d += 4) turn_four(from + d, line_stride, packed + d * width + l, width);
  }
  const auto copy = [&](int64_t first_line, int64_t end_line, int64_t first_step) {
    for (int64_t l = first_line; l < end_line; ++l)
      for (int64_t d = first_step; d < depth; ++d) packed[d * width + l] = source[l * line_stride + d];
  };
  copy(0, fours, steps);
  copy(fours, lines, 0);
}

/// Lines side by side, for a few panels at once: of what lies far apart in memory, long pieces are read.
void pack_straight(int64_t lines, int64_t depth, const float* source, int64_t depth_stride, int64_t width,
                   float* packed) {
  for (int64_t d = 0; d < depth; ++d) {
    const float* from = source + d * depth_stride;
    for (int64_t first = 0; first < lines; first += width) {
      float* to = packed + first * depth + d * width;
      const int64_t present = std::min(width, lines - first);
      int64_t l = 0;
      for (; l + 4 <= present; l += 4) copy_four(from + first + l, to + l);
      for (; l < present; ++l) to[l] = from[first + l];
    }
  }
}

/// Copy a block into panels of `width` lines, each panel holding `width` floats for each step of the depth; lines past
/// the end are zeros. For A the lines are rows, for B columns.
void pack(int64_t lines, int64_t depth, const float* source, int64_t line_stride, int64_t depth_stride, int64_t width,
          float* packed) {
  const int64_t whole = lines / width * width;
  if (whole < lines) std::fill_n(packed + whole * depth, width * depth, 0.0f);
  if (line_stride == 1) return pack_straight(lines, depth, source, depth_stride, width, packed);
  for (int64_t first = 0; first < lines; first += width) {
    const int64_t present = std::min(width, lines - first);
    const float* line = source + first * line_stride;
    if (depth_stride == 1) {
      pack_turned(present, depth, line, line_stride, width, packed);
    } else {
      for (int64_t l = 0; l < present; ++l)
        for (int64_t d = 0; d < depth; ++d) packed[d * width + l] = line[l * line_stride + d * depth_stride];
    }
    packed += width * depth;
  }
}

}  // namespace

void gemm(int64_t m, int64_t n, int64_t k, float alpha, MatrixView a, MatrixView b, float* c, int64_t c_row_stride,
          Workers& workers, bool adds) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) {
    for (int64_t row = 0; row < m && !adds; ++row) std::fill_n(c + row * c_row_stride, n, 0.0f);
    return;
  }
  static const GemmKernel kernel = best_kernel();
  const int64_t columns = std::min(kColumnBlock, round_up(n, kernel.columns));
  const auto packed_b = std::make_unique_for_overwrite<float[]>(
      static_cast<size_t>(round_up(columns, kernel.columns) * std::min(kDepth, k)));
  // Few rows are shared out in smaller blocks, so that every thread has some.
  const int64_t share = round_up((m + workers.count() - 1) / workers.count(), kernel.rows);
  const int64_t row_block = std::min(kRowBlock / kernel.rows * kernel.rows, share);
  const int64_t row_blocks = (m + row_block - 1) / row_block;

  for (int64_t column = 0; column < n; column += columns) {
    const int64_t width = std::min(columns, n - column);
    for (int64_t step = 0; step < k; step += kDepth) {
      const int64_t depth = std::min(kDepth, k - step);
      const int64_t panels = (width + kernel.columns - 1) / kernel.columns;
      const float* b_block = b.data + step * b.row_stride + column * b.column_stride;
      const int64_t together = kPanelsTogether * kernel.columns;
      workers.each((width + together - 1) / together, [&](int64_t piece) {
        const int64_t first = piece * together;
        pack(std::min(together, width - first), depth, b_block + first * b.column_stride, b.column_stride, b.row_stride,
             kernel.columns, packed_b.get() + first * depth);
      });
      workers.each(row_blocks, [&](int64_t block) {
        const int64_t row = block * row_block;
        const int64_t height = std::min(row_block, m - row);
        thread_local std::vector<float> packed_a;
        packed_a.resize(static_cast<size_t>(round_up(height, kernel.rows) * depth));
        pack(height, depth, a.data + row * a.row_stride + step * a.column_stride, a.row_stride, a.column_stride,
             kernel.rows, packed_a.data());
        alignas(64) float tile[kLargestTile] = {};
        const auto multiply = [&](int64_t panel, int64_t top) {
          const int64_t first = panel * kernel.columns;
          const int64_t tile_columns = std::min(kernel.columns, width - first);
          const int64_t tile_rows = std::min(kernel.rows, height - top);
          const float* a_panel = packed_a.data() + top * depth;
          const float* b_panel = packed_b.get() + first * depth;
          float* out = c + (row + top) * c_row_stride + column + first;
          const bool onto = adds || step > 0;
          if (tile_rows == kernel.rows && tile_columns == kernel.columns) {
            kernel.multiply(depth, a_panel, b_panel, alpha, out, c_row_stride, onto);
            return;
          }
          // At an edge of C a tile hangs over: what is there of it is worked on elsewhere, by the same sums.
          for (int64_t r = 0; r < tile_rows; ++r)
            std::copy_n(out + r * c_row_stride, tile_columns, tile + r * kernel.columns);
          kernel.multiply(depth, a_panel, b_panel, alpha, tile, kernel.columns, onto);
          for (int64_t r = 0; r < tile_rows; ++r)
            std::copy_n(tile + r * kernel.columns, tile_columns, out + r * c_row_stride);
        };
        if (depth * width <= kSmallBlock) {
          for (int64_t top = 0; top < height; top += kernel.rows)
            for (int64_t panel = 0; panel < panels; ++panel) multiply(panel, top);
        } else {
          for (int64_t panel = 0; panel < panels; ++panel)
            for (int64_t top = 0; top < height; top += kernel.rows) multiply(panel, top);
        }
      });
    }
  }
}

}  // namespace lathe
