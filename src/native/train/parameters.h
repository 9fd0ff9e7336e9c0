#pragma once

#include <deque>
#include <string>
#include <vector>

#include "train/graph.h"

namespace lathe {

/// How an optimizer treats a tensor.
enum class ParameterKind {
  kMatrix,  // with weight decay: lora_a, whole matrices
  kLoraB,   // likewise, with a learning rate of its own (LoRA+, arXiv 2402.12354)
  kVector,  // without: norms, biases, DoRA's lengths
};
constexpr int kParameterKinds = 3;

/// A trained tensor: views of the flat ones.
struct Parameter {
  std::string name;
  ParameterKind kind;
  int64_t rows;        // ne1
  int64_t columns;     // ne0
  int64_t offset = 0;  // in floats
  ggml_tensor* value = nullptr;
  ggml_tensor* gradient = nullptr;
};

struct UpdateOptions {
  bool sgd = false;  // else AdamW
  float learning_rate = 0, learning_rate_b = 0;
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
  float weight_decay = 0;
  /// The gradients' norm is held to it; 0: is not.
  float max_norm = 0;
  /// What gradients are multiplied with first: 1 / the weights of the tokens that they were summed over.
  float gradient_scale = 1;
};

struct UpdateResult {
  double norm;   // of the gradients, scaled, before they are clipped
  bool applied;  // false: they were not finite, and nothing was changed
};

/// All trained tensors, as parts of one flat tensor each for values, gradients and moments: a step is a few operators
/// over them whatever there is to be trained, and a checkpoint is three blobs.
class Parameters {
 public:
  Parameters(const GgmlApi& api, ggml_backend_t backend)
      : api_(api), backend_(backend), context_(api, 4096 * 4), buffer_(api) {}

  /// Before allocate. The reference stays valid.
  Parameter& add(std::string name, ParameterKind kind, int64_t columns, int64_t rows);
  /// Gives all their place; zeros everywhere.
  void allocate();

  const std::deque<Parameter>& all() const { return parameters_; }
  /// Floats of each flat tensor.
  int64_t size() const { return size_; }
  size_t bytes() const { return buffer_.size(); }

  enum class Part { kValues, kFirstMoments, kSecondMoments };
  void read(Part part, float* out) const;
  void write(Part part, const float* values);
  void write(const Parameter& parameter, const float* values);
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

  void clear_gradients();
  /// One step with what was summed up; the gradients are zero afterwards.
  UpdateResult update(const UpdateOptions& options);

 private:
  ggml_tensor* flat(Part part) const;

  const GgmlApi& api_;
  ggml_backend_t backend_;
  TensorContext context_;
  BackendBuffer buffer_;
  std::deque<Parameter> parameters_;
  int64_t size_ = 0;
  int64_t updates_ = 0;
  ggml_tensor *values_ = nullptr, *gradients_ = nullptr, *first_ = nullptr, *second_ = nullptr;
  struct Section {
    int64_t row = 0, rows = 0;
    ggml_tensor* settings = nullptr;  // what the optimizer's operator wants
  };
  Section sections_[kParameterKinds];
};

}  // namespace lathe
