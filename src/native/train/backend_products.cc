#include <algorithm>

#include "train/products.h"

namespace lathe {

ggml_tensor* BackendProducts::flipped(ggml_tensor* a) {
  return api_.ggml_cont(context_, api_.ggml_transpose(context_, a));
}

ggml_tensor* BackendProducts::dense(ggml_tensor* a) {
  return api_.ggml_is_contiguous(a) ? a : api_.ggml_cont(context_, a);
}

ggml_tensor* BackendProducts::nt(ggml_tensor* a, ggml_tensor* b) {
  return api_.ggml_mul_mat(context_, dense(a), dense(b));
}

ggml_tensor* BackendProducts::nn(ggml_tensor* a, ggml_tensor* b) {
  return api_.ggml_mul_mat(context_, flipped(a), dense(b));
}

ggml_tensor* BackendProducts::tt(ggml_tensor* a, ggml_tensor* b) {
  return api_.ggml_mul_mat(context_, flipped(a), flipped(b));
}

ggml_tensor* BackendProducts::add(ggml_tensor* sum, ggml_tensor* product, float scale) {
  if (scale != 1) product = api_.ggml_scale(context_, product, scale);
  return api_.ggml_add_inplace(context_, sum, product);
}

ggml_tensor* BackendProducts::add_nt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) {
  return add(sum, nt(a, b), scale);
}

ggml_tensor* BackendProducts::add_nn(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) {
  return add(sum, nn(a, b), scale);
}

ggml_tensor* BackendProducts::add_tt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) {
  return add(sum, tt(a, b), scale);
}

ggml_tensor* BackendProducts::linear(ggml_tensor* weight, ggml_tensor* x) {
  return api_.ggml_mul_mat(context_, weight, dense(x));
}

ggml_tensor* BackendProducts::linear_back(ggml_tensor* weight, ggml_tensor* dy) {
  ggml_tensor* sum = nullptr;
  for (int64_t first = 0; first < weight->ne[1]; first += kChunkRows) {
    const int64_t count = std::min(kChunkRows, weight->ne[1] - first);
    ggml_tensor* packed = api_.ggml_view_2d(context_, weight, weight->ne[0], count, weight->nb[1],
                                            static_cast<size_t>(first) * weight->nb[1]);
    ggml_tensor* wanted = api_.ggml_view_1d(context_, rows_, count, 0);
    ggml_tensor* columns = flipped(api_.ggml_get_rows(context_, packed, wanted));
    ggml_tensor* part =
        dense(api_.ggml_view_2d(context_, dy, count, dy->ne[1], dy->nb[1], static_cast<size_t>(first) * sizeof(float)));
    ggml_tensor* product = api_.ggml_mul_mat(context_, columns, part);
    sum = sum == nullptr ? product : api_.ggml_add(context_, sum, product);
  }
  return sum;
}

}  // namespace lathe
