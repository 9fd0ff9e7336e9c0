#pragma once

#include "ggml_api.h"

namespace lathe {

/// Products of matrices in one graph, in the way that suits the device. A matrix is ggml's: ne0 runs fastest. All have
/// float32 results; what lies along ne2 are pairs of matrices on their own.
class Products {
 public:
  Products(const GgmlApi& api, ggml_context* context) : api_(api), context_(context) {}
  virtual ~Products() = default;

  /// out[i, j] = Σ_k a[k, i] · b[k, j]
  virtual ggml_tensor* nt(ggml_tensor* a, ggml_tensor* b) = 0;
  /// out[i, j] = Σ_k a[i, k] · b[k, j]
  virtual ggml_tensor* nn(ggml_tensor* a, ggml_tensor* b) = 0;
  /// out[i, j] = Σ_k a[i, k] · b[j, k]
  virtual ggml_tensor* tt(ggml_tensor* a, ggml_tensor* b) = 0;
  /// The same products, scaled and added to `sum` in place.
  virtual ggml_tensor* add_nt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) = 0;
  virtual ggml_tensor* add_nn(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) = 0;
  virtual ggml_tensor* add_tt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) = 0;
  /// y = W x, with frozen weights [inputs, outputs] of any type
  virtual ggml_tensor* linear(ggml_tensor* weight, ggml_tensor* x) = 0;
  /// dx = Wᵀ dy
  virtual ggml_tensor* linear_back(ggml_tensor* weight, ggml_tensor* dy) = 0;

 protected:
  const GgmlApi& api_;
  ggml_context* context_;
};

/// The processor's: kernels/gemm.h under ggml's threads, which unpacks weights while it goes and copies nothing.
class CpuProducts final : public Products {
 public:
  using Products::Products;
  ggml_tensor* nt(ggml_tensor* a, ggml_tensor* b) override;
  ggml_tensor* nn(ggml_tensor* a, ggml_tensor* b) override;
  ggml_tensor* tt(ggml_tensor* a, ggml_tensor* b) override;
  ggml_tensor* add_nt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) override;
  ggml_tensor* add_nn(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) override;
  ggml_tensor* add_tt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) override;
  ggml_tensor* linear(ggml_tensor* weight, ggml_tensor* x) override;
  ggml_tensor* linear_back(ggml_tensor* weight, ggml_tensor* dy) override;
};

/// Any backend's, of operators that all have: MUL_MAT, GET_ROWS (which unpacks every type), CONT.
class BackendProducts final : public Products {
 public:
  /// `rows`: I32 tensor 0, 1, 2, … of at least kChunkRows elements.
  BackendProducts(const GgmlApi& api, ggml_context* context, ggml_tensor* rows) : Products(api, context), rows_(rows) {}
  ggml_tensor* nt(ggml_tensor* a, ggml_tensor* b) override;
  ggml_tensor* nn(ggml_tensor* a, ggml_tensor* b) override;
  ggml_tensor* tt(ggml_tensor* a, ggml_tensor* b) override;
  ggml_tensor* add_nt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) override;
  ggml_tensor* add_nn(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) override;
  ggml_tensor* add_tt(ggml_tensor* sum, ggml_tensor* a, ggml_tensor* b, float scale) override;
  ggml_tensor* linear(ggml_tensor* weight, ggml_tensor* x) override;
  ggml_tensor* linear_back(ggml_tensor* weight, ggml_tensor* dy) override;

  /// Rows of a weight that are unpacked at a time: bounds the memory that the largest takes.
  static constexpr int64_t kChunkRows = 4096;

 private:
  ggml_tensor* flipped(ggml_tensor* a);
  ggml_tensor* add(ggml_tensor* sum, ggml_tensor* product, float scale);
  ggml_tensor* dense(ggml_tensor* a);
  ggml_tensor* rows_;
};

}  // namespace lathe
