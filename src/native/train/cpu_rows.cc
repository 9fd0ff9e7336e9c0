#include "train/cpu_rows.h"

#include <cmath>
#include <cstring>

#include "kernels/row_kernels.h"

namespace lathe {
namespace {

int64_t rows_of(const ggml_tensor* t) { return t->ne[1] * t->ne[2] * t->ne[3]; }

float* row_of(const ggml_tensor* t, int64_t row) { return static_cast<float*>(t->data) + row * t->ne[0]; }

/// A number that travels in a pointer's place.
void* carried(float number) {
  void* place = nullptr;
  std::memcpy(&place, &number, sizeof number);
  return place;
}
float number_in(void* place) {
  float number;
  std::memcpy(&number, &place, sizeof number);
  return number;
}

void run_rms_norm_back(ggml_tensor* out, int thread, int threads, void* data) {
  const float epsilon = number_in(data);
  const auto dot = row_kernels().dot;
  const int64_t rows = rows_of(out), length = out->ne[0];
  const auto* weight = static_cast<const float*>(out->src[2]->data);
  for (int64_t row = rows * thread / threads; row < rows * (thread + 1) / threads; ++row) {
    const float *dy = row_of(out->src[0], row), *x = row_of(out->src[1], row);
    float* dx = row_of(out, row);
    for (int64_t i = 0; i < length; ++i) dx[i] = dy[i] * weight[i];
    const auto count = static_cast<float>(length);
    const float mean = dot(length, x, x) / count + epsilon;
    const float along = dot(length, dx, x) / (count * mean);
    const float factor = 1 / std::sqrt(mean);
    for (int64_t i = 0; i < length; ++i) dx[i] = (dx[i] - along * x[i]) * factor;
  }
}

/// One thread's part of all elements.
struct Share {
  int64_t first, count;
};

Share share_of(int64_t elements, int thread, int threads) {
  const int64_t first = elements * thread / threads;
  return {first, elements * (thread + 1) / threads - first};
}

int64_t elements_of(const ggml_tensor* t) { return t->ne[0] * rows_of(t); }

float* floats(const ggml_tensor* t) { return static_cast<float*>(t->data); }

void run_swiglu(ggml_tensor* out, int thread, int threads, void*) {
  const auto [first, count] = share_of(elements_of(out), thread, threads);
  row_kernels().swiglu(count, floats(out->src[0]) + first, floats(out->src[1]) + first, floats(out) + first);
}

/// The gate's gradient comes first, then the other's.
void run_swiglu_back(ggml_tensor* out, int thread, int threads, void*) {
  const int64_t elements = elements_of(out->src[1]);
  const auto [first, count] = share_of(elements, thread, threads);
  row_kernels().swiglu_back(count, floats(out->src[0]) + first, floats(out->src[1]) + first,
                            floats(out->src[2]) + first, floats(out) + first, floats(out) + elements + first);
}

}  // namespace

ggml_tensor* cpu_rms_norm_back(const GgmlApi& api, ggml_context* context, ggml_tensor* dy, ggml_tensor* x,
                               ggml_tensor* weight, float epsilon) {
  ggml_tensor* arguments[] = {dy, x, weight};
  return api.ggml_custom_4d(context, GGML_TYPE_F32, x->ne[0], x->ne[1], x->ne[2], x->ne[3], arguments, 3,
                            run_rms_norm_back, GGML_N_TASKS_MAX, carried(epsilon));
}

ggml_tensor* cpu_swiglu(const GgmlApi& api, ggml_context* context, ggml_tensor* gate, ggml_tensor* up) {
  ggml_tensor* arguments[] = {gate, up};
  return api.ggml_custom_4d(context, GGML_TYPE_F32, gate->ne[0], gate->ne[1], gate->ne[2], gate->ne[3], arguments, 2,
                            run_swiglu, GGML_N_TASKS_MAX, nullptr);
}

SwigluBack cpu_swiglu_back(const GgmlApi& api, ggml_context* context, ggml_tensor* d, ggml_tensor* gate,
                           ggml_tensor* up) {
  ggml_tensor* arguments[] = {d, gate, up};
  ggml_tensor* both = api.ggml_custom_4d(context, GGML_TYPE_F32, gate->ne[0], gate->ne[1], 2, 1, arguments, 3,
                                         run_swiglu_back, GGML_N_TASKS_MAX, nullptr);
  const auto half = [&](size_t index) {
    return api.ggml_view_2d(context, both, gate->ne[0], gate->ne[1], both->nb[1], index * both->nb[2]);
  };
  return {half(0), half(1)};
}

}  // namespace lathe
