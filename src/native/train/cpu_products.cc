#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/gemm.h"
#include "train/products.h"

namespace lathe {
namespace {

/// Floats that a thread unpacks of a weight at a time.
constexpr int64_t kUnpacked = 512 * 1024;
/// Rows that Wᵀ dy sums up at a time: gemm's own depth, so that packed and unpacked weights add up in one order.
constexpr int64_t kBackRows = 240;

/// ggml's threads call gemm side by side, each for its part of the result: a gemm starts none of its own.
Workers& alone() {
  static Workers one(1);
  return one;
}

struct Part {
  int64_t first, count;
};

/// One thread's part of `total`, in whole steps.
Part part_of(int64_t total, int64_t step, int thread, int threads) {
  const int64_t steps = (total + step - 1) / step;
  const int64_t first = std::min(total, steps * thread / threads * step);
  return {first, std::min(total, steps * (thread + 1) / threads * step) - first};
}

int64_t floats(size_t bytes) { return static_cast<int64_t>(bytes / sizeof(float)); }

const float* matrix(const ggml_tensor* t, int64_t index) {
  return reinterpret_cast<const float*>(static_cast<const char*>(t->data) + static_cast<size_t>(index) * t->nb[2]);
}

/// Rows are ne1, columns ne0.
MatrixView view(const ggml_tensor* t, int64_t index) { return {matrix(t, index), floats(t->nb[1]), floats(t->nb[0])}; }

/// out[j][i] (+)= Σ_k b(j, k) · a(k, i)
struct Operands {
  MatrixView a, b;
  int64_t rows, columns, depth;
};

Operands operands_nt(const ggml_tensor* a, const ggml_tensor* b, int64_t index) {
  return {transposed(view(a, index)), view(b, index), b->ne[1], a->ne[1], b->ne[0]};
}
Operands operands_nn(const ggml_tensor* a, const ggml_tensor* b, int64_t index) {
  return {view(a, index), view(b, index), b->ne[1], a->ne[0], b->ne[0]};
}
Operands operands_tt(const ggml_tensor* a, const ggml_tensor* b, int64_t index) {
  return {view(a, index), transposed(view(b, index)), b->ne[0], a->ne[0], b->ne[1]};
}

void multiply(const Operands& given, float* out, int64_t stride, bool add, float scale, int thread, int threads) {
  Operands o = given;
  // The longer side is shared out: then what each thread packs for itself is the least. Whole tiles are, where there
  // are few.
  if (o.rows >= o.columns) {
    const Part part = part_of(o.rows, 8, thread, threads);
    o.b.data += part.first * o.b.row_stride;
    out += part.first * stride;
    o.rows = part.count;
  } else {
    const Part part = part_of(o.columns, 32, thread, threads);
    o.a.data += part.first * o.a.column_stride;
    out += part.first;
    o.columns = part.count;
  }
  gemm(o.rows, o.columns, o.depth, scale, o.b, o.a, out, stride, alone(), add);
}

using Choose = Operands (*)(const ggml_tensor*, const ggml_tensor*, int64_t);

template <Choose choose>
void run_product(ggml_tensor* out, int thread, int threads, void*) {
  const ggml_tensor *a = out->src[0], *b = out->src[1];
  const int64_t count = out->ne[2];
  const bool whole = count >= threads && count % threads == 0;
  for (int64_t index = 0; index < count; ++index) {
    if (whole && index % threads != thread) continue;
    multiply(choose(a, b, index), const_cast<float*>(matrix(out, index)), floats(out->nb[1]), false, 1,
             whole ? 0 : thread, whole ? 1 : threads);
  }
}

/// Of one pair of matrices.
template <Choose choose>
void run_add(ggml_tensor* out, int thread, int threads, void* scale) {
  float factor;
  std::memcpy(&factor, &scale, sizeof factor);
  multiply(choose(out->src[1], out->src[2], 0), static_cast<float*>(out->data), floats(out->nb[1]), true, factor,
           thread, threads);
}

/// Unpacks `count` elements of a row from `first` on, which is a multiple of a block.
void unpack(const GgmlApi& api, const ggml_tensor* weight, int64_t row, int64_t first, int64_t count, float* out) {
  const auto* begin = static_cast<const char*>(weight->data) + static_cast<size_t>(row) * weight->nb[1] +
                      api.ggml_row_size(weight->type, first);
  if (weight->type == GGML_TYPE_F32)
    std::memcpy(out, begin, static_cast<size_t>(count) * sizeof(float));
  else
    api.ggml_get_type_traits(weight->type)->to_float(begin, out, count);
}

std::vector<float>& unpacked(int64_t count) {
  thread_local std::vector<float> memory;
  if (memory.size() < static_cast<size_t>(count)) memory.resize(static_cast<size_t>(count));
  return memory;
}

void run_linear(ggml_tensor* out, int thread, int threads, void* data) {
  const auto& api = *static_cast<const GgmlApi*>(data);
  const ggml_tensor *weight = out->src[0], *x = out->src[1];
  const int64_t inputs = weight->ne[0], tokens = x->ne[1], stride = floats(out->nb[1]);
  auto* y = static_cast<float*>(out->data);
  if (weight->type == GGML_TYPE_F32) {
    const MatrixView rows = row_major(static_cast<const float*>(weight->data), inputs);
    multiply({transposed(rows), view(x, 0), tokens, weight->ne[1], inputs}, y, stride, false, 1, thread, threads);
    return;
  }
  // What is unpacked is unpacked by one thread alone.
  const Part part = part_of(weight->ne[1], 32, thread, threads);
  const int64_t step = std::clamp<int64_t>(kUnpacked / inputs / 32 * 32, 32, 1024);
  float* rows = unpacked(std::min(step, part.count) * inputs).data();
  for (int64_t first = part.first; first < part.first + part.count; first += step) {
    const int64_t count = std::min(step, part.first + part.count - first);
    for (int64_t row = 0; row < count; ++row) unpack(api, weight, first + row, 0, inputs, rows + row * inputs);
    gemm(tokens, count, inputs, 1, view(x, 0), transposed(row_major(rows, inputs)), y + first, stride, alone(), false);
  }
}

void run_linear_back(ggml_tensor* out, int thread, int threads, void* data) {
  const auto& api = *static_cast<const GgmlApi*>(data);
  const ggml_tensor *weight = out->src[0], *dy = out->src[1];
  const int64_t outputs = weight->ne[1], tokens = dy->ne[1], stride = floats(out->nb[1]);
  const MatrixView gradient = view(dy, 0);
  if (weight->type == GGML_TYPE_F32) {
    const MatrixView rows = row_major(static_cast<const float*>(weight->data), weight->ne[0]);
    multiply({rows, gradient, tokens, weight->ne[0], outputs}, static_cast<float*>(out->data), stride, false, 1, thread,
             threads);
    return;
  }
  // 256 elements are a whole number of every type's blocks; a row that is not a multiple of them has smaller blocks.
  const Part part = part_of(weight->ne[0], std::max<int64_t>(32, api.ggml_blck_size(weight->type)), thread, threads);
  if (part.count == 0) return;
  auto* dx = static_cast<float*>(out->data) + part.first;
  float* rows = unpacked(kBackRows * part.count).data();
  for (int64_t first = 0; first < outputs; first += kBackRows) {
    const int64_t count = std::min(kBackRows, outputs - first);
    for (int64_t row = 0; row < count; ++row)
      unpack(api, weight, first + row, part.first, part.count, rows + row * part.count);
    MatrixView those = gradient;
    those.data += first * those.column_stride;
    gemm(tokens, part.count, count, 1, those, row_major(rows, part.count), dx, stride, alone(), first > 0);
  }
}

}  // namespace

ggml_tensor* CpuProducts::nt(ggml_tensor* a, ggml_tensor* b) {
  ggml_tensor* arguments[] = {a, b};
  return api_.ggml_custom_4d(context_, GGML_TYPE_F32, a->ne[1], b->ne[1], b->ne[2], 1, arguments, 2,
                             run_product<operands_nt>, GGML_N_TASKS_MAX, nullptr);
}

ggml_tensor* CpuProducts::nn(ggml_tensor* a, ggml_tensor* b) {
  ggml_tensor* arguments[] = {a, b};
  return api_.ggml_custom_4d(context_, GGML_TYPE_F32, a->ne[0], b->ne[1], b->ne[2], 1, arguments, 2,
                             run_product<operands_nn>, GGML_N_TASKS_MAX, nullptr);
}

ggml_tensor* CpuProducts::tt(ggml_tensor* a, ggml_tensor* b) {
  ggml_tensor* arguments[] = {a, b};
  return api_.ggml_custom_4d(context_, GGML_TYPE_F32, a->ne[0], b->ne[0], b->ne[2], 1, arguments, 2,
                             run_product<operands_tt>, GGML_N_TASKS_MAX, nullptr);
}

namespace {

/// The scale travels in the pointer that an operator is given.
template <Choose choose>
ggml_tensor* add(const GgmlApi& api, ggml_context* context, ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b,
                 float scale) {
  ggml_tensor* arguments[] = {a, b};
  void* factor = nullptr;
  std::memcpy(&factor, &scale, sizeof scale);
  return api.ggml_custom_inplace(context, sum, arguments, 2, run_add<choose>, GGML_N_TASKS_MAX, factor);
}

}  // namespace

ggml_tensor* CpuProducts::add_nt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) {
  return add<operands_nt>(api_, context_, sum, a, b, scale);
}

ggml_tensor* CpuProducts::add_nn(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) {
  return add<operands_nn>(api_, context_, sum, a, b, scale);
}

ggml_tensor* CpuProducts::add_tt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) {
  return add<operands_tt>(api_, context_, sum, a, b, scale);
}

ggml_tensor* CpuProducts::linear(ggml_tensor* weight, ggml_tensor* x) {
  ggml_tensor* arguments[] = {weight, x};
  return api_.ggml_custom_4d(context_, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, arguments, 2, run_linear,
                             GGML_N_TASKS_MAX, const_cast<GgmlApi*>(&api_));
}

ggml_tensor* CpuProducts::linear_back(ggml_tensor* weight, ggml_tensor* dy) {
  ggml_tensor* arguments[] = {weight, dy};
  return api_.ggml_custom_4d(context_, GGML_TYPE_F32, weight->ne[0], dy->ne[1], 1, 1, arguments, 2, run_linear_back,
                             GGML_N_TASKS_MAX, const_cast<GgmlApi*>(&api_));
}

}  // namespace lathe
