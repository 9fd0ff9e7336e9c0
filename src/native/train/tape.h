#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/attention.h"
#include "train/family.h"
#include "train/parameters.h"
#include "train/products.h"

namespace lathe {

/// A value in a graph and, once it is known, the loss's gradient with respect to it. `wanted`: something trained lies
/// below.
struct Var {
  ggml_tensor* value;
  bool wanted;
  ggml_tensor* gradient = nullptr;
};

/// y = W x + scale · B A drop(x), and with DoRA (arXiv 2402.09353) each output's length set to `magnitude`.
struct Lora {
  const Parameter* a;  // [inputs, rank]
  const Parameter* b;  // [rank, outputs]
  float scale;
  const Parameter* magnitude = nullptr;  // [outputs]
  ggml_tensor* squares = nullptr;        // ‖W‖² of each output
};

/// A weight, frozen or trained as a whole.
struct Weight {
  ggml_tensor* value = nullptr;
  ggml_tensor* gradient = nullptr;
  explicit operator bool() const { return value != nullptr; }
};

struct Linear {
  Weight weight, bias;
  std::optional<Lora> lora;
  explicit operator bool() const { return static_cast<bool>(weight); }
};

/// What tokens see: those before them of their own sample, up to a window.
struct Sight {
  ggml_tensor* mask = nullptr;  // [T, T] of 0 and −∞; not for the processor
  const std::vector<Stretch>* stretches;
  int64_t window;  // 0: all
};

/// Reverse-mode differentiation: every function adds its operators to the graph and remembers how to go back. Both ways
/// use only operators that the CPU, CUDA, Vulkan and Metal backends have; where the processor has one operator for
/// several, that. A Var lives as long as its tape.
class Tape {
 public:
  Tape(const GgmlApi& api, ggml_context* context, std::unique_ptr<Products> products, bool is_cpu)
      : api_(api), context_(context), products_(std::move(products)), is_cpu_(is_cpu) {}

  Var* input(ggml_tensor* value, bool wanted) { return make(value, wanted); }

  Var* add(Var* a, Var* b);
  Var* scale(Var* x, float factor);
  /// c · tanh(x / c)
  Var* softcap(Var* x, float c);
  /// `drop`: zeros and 1 / (1 − p), or null.
  Var* linear(const Linear& linear, Var* x, ggml_tensor* drop);
  /// Root mean square norm along ne0.
  Var* rms_norm(Var* x, const Weight& weight, float epsilon);
  Var* reshape(Var* x, int64_t ne0, int64_t ne1, int64_t ne2 = 1);
  /// Consecutive parts of ne0, [sizes[i], T] each.
  std::vector<Var*> split(Var* x, const std::vector<int64_t>& sizes);
  /// x [head, heads, T]
  Var* rope(Var* x, ggml_tensor* positions, ggml_tensor* factors, const Family& family, const Rope& rope);
  /// q [key, heads, T], k [key, kv heads, T], v [value, kv heads, T] → [value · heads, T]
  Var* attention(Var* q, Var* k, Var* v, const Sight& sight, float scale, float cap);
  /// act(gate) · up
  Var* gated(Var* gate, Var* up, bool gelu);

  /// From the last value back to every parameter and wanted input. Returns what has to be computed for that, in order.
  std::vector<ggml_tensor*> backward(Var* last, ggml_tensor* gradient);

  const GgmlApi& api() const { return api_; }
  ggml_context* context() const { return context_; }

 private:
  Var* make(ggml_tensor* value, bool wanted);
  void add_gradient(Var* x, ggml_tensor* gradient);
  void rule(Var* out, std::function<void(ggml_tensor*)> back);
  /// sum += the sum over all rows of `values`
  void add_row_sum(ggml_tensor* sum, ggml_tensor* values);
  Var* cpu_attention(Var* q, Var* k, Var* v, const Sight& sight, float scale, float cap);
  ggml_tensor* dora_factors(const Linear& linear, ggml_tensor*& lengths);
  struct Head;

  const GgmlApi& api_;
  ggml_context* context_;
  std::unique_ptr<Products> products_;
  bool is_cpu_;
  std::deque<Var> vars_;
  std::deque<Attention> attentions_;
  std::vector<std::function<void()>> rules_;
  std::vector<ggml_tensor*> results_;
};

}  // namespace lathe
