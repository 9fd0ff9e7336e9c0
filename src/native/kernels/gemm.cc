#include "gemm.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

#include "cpu_features.h"

namespace lathe {
namespace {

// A block of A (kRowBlock × kDepth) stays in a core's L2 cache, a panel of B (kDepth × a tile's columns) in its L1.
constexpr int64_t kDepth = 240;
constexpr int64_t kRowBlock = 336;      // a multiple of every tile's rows: 4, 6, 8, 14, 28
constexpr int64_t kColumnBlock = 3072;  // of every tile's columns: 4, 12, 16, 32, 48
// Floats of a block of B that stay in L2 as a whole: then C is gone through along its rows, not down its columns.
constexpr int64_t kSmallBlock = 96 * 1024;
// Panels of B that a thread packs at a time.
constexpr int64_t kPanelsTogether = 8;
constexpr int64_t kLargestTile = 14 * 32;

std::span<const GemmKernel> known_kernels() {
#if defined(__x86_64__) || defined(_M_X64)
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx512) return gemm_kernels_avx512();
  if (cpu.avx2) return gemm_kernels_avx2();
#elif defined(__aarch64__) || defined(_M_ARM64)
  return gemm_kernels_neon();
#endif
  return gemm_kernels_plain();
}

/// Floats that begin with a cache line: a vector that lay across two would be loaded twice.
class Packed {
 public:
  float* of(int64_t count) {
    if (count > size_) {
      memory_.reset();
      memory_.reset(static_cast<float*>(::operator new[](static_cast<size_t>(count) * sizeof(float), kLine)));
      size_ = count;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(float* memory) const { ::operator delete[](memory, kLine); }
  };
  std::unique_ptr<float[], Free> memory_;
  int64_t size_ = 0;
};

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

/// The tile of which the least hangs over C's edges.
GemmKernel kernel_for(int64_t m, int64_t n) {
  static const std::span<const GemmKernel> known = known_kernels();
  const auto covered = [=](const GemmKernel& kernel) { return round_up(m, kernel.rows) * round_up(n, kernel.columns); };
  return *std::min_element(known.begin(), known.end(),
                           [&](const auto& a, const auto& b) { return covered(a) < covered(b); });
}

/// Asks for what is read soon: lines of a matrix are too short pieces of memory for a processor to guess the next one.
void fetch(const float* soon) {
#if defined(__SSE__) || defined(_M_X64)
  _mm_prefetch(reinterpret_cast<const char*>(soon), _MM_HINT_T0);
#else
  (void)soon;
#endif
}

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

/// Lines that lie one after another, each whole: the block is turned on its way, four lines and four steps at a time.
/// The last fours reach back over those before them.
void pack_turned(int64_t lines, int64_t depth, const float* source, int64_t line_stride, int64_t width, float* packed) {
  if (lines < 4 || depth < 4) {
    for (int64_t l = 0; l < lines; ++l)
      for (int64_t d = 0; d < depth; ++d) packed[d * width + l] = source[l * line_stride + d];
    return;
  }
  for (int64_t next_line = 0; next_line < lines; next_line += 4) {
    const int64_t l = std::min(next_line, lines - 4);
    for (int64_t next_step = 0; next_step < depth; next_step += 4) {
      const int64_t d = std::min(next_step, depth - 4);
      fetch(source + (l + 4 + next_step % 16 / 4) * line_stride + d);
      turn_four(source + l * line_stride + d, line_stride, packed + d * width + l, width);
    }
  }
}

/// Lines side by side, for a few panels at once: of what lies far apart in memory, long pieces are read.
void pack_straight(int64_t lines, int64_t depth, const float* source, int64_t depth_stride, int64_t width,
                   float* packed) {
  for (int64_t d = 0; d < depth; ++d) {
    const float* from = source + d * depth_stride;
    for (int64_t line = 0; line < lines; line += 16) fetch(from + 2 * depth_stride + line);
    for (int64_t first = 0; first < lines; first += width) {
      float* to = packed + first * depth + d * width;
      const int64_t present = std::min(width, lines - first);
      if (present < 4) {
        std::copy_n(from + first, present, to);
        continue;
      }
      for (int64_t l = 0; l < present; l += 4) {
        const int64_t start = std::min(l, present - 4);
        copy_four(from + first + start, to + start);
      }
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
  const GemmKernel kernel = kernel_for(m, n);
  const int64_t columns = std::min(kColumnBlock, round_up(n, kernel.columns));
  Packed memory_b;
  float* packed_b = memory_b.of(round_up(columns, kernel.columns) * std::min(kDepth, k));
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
             kernel.columns, packed_b + first * depth);
      });
      workers.each(row_blocks, [&](int64_t block) {
        const int64_t row = block * row_block;
        const int64_t height = std::min(row_block, m - row);
        thread_local Packed memory_a;
        float* packed_a = memory_a.of(round_up(height, kernel.rows) * depth);
        pack(height, depth, a.data + row * a.row_stride + step * a.column_stride, a.row_stride, a.column_stride,
             kernel.rows, packed_a);
        alignas(64) float tile[kLargestTile] = {};
        const auto multiply = [&](int64_t panel, int64_t top) {
          const int64_t first = panel * kernel.columns;
          const int64_t tile_columns = std::min(kernel.columns, width - first);
          const int64_t tile_rows = std::min(kernel.rows, height - top);
          const float* a_panel = packed_a + top * depth;
          const float* b_panel = packed_b + first * depth;
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
