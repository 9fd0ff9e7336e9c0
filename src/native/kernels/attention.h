#pragma once

#include <cstdint>
#include <vector>

namespace lathe {

/// Tokens of one sample: each sees those of its own before it, and itself.
struct Stretch {
  int64_t first, count;
};

/// Attention of samples that lie one behind another, there and back. Scores are made tile by tile and never kept, nor
/// are those made that nothing sees: Dao, "FlashAttention-2" (arXiv 2307.08691). Queries are [token][head][key], keys
/// [token][kv head][key], values and results [token][head][value]; heads / kv_heads queries share a key.
struct Attention {
  int64_t heads, kv_heads, key, value;
  float scale;
  float cap;       // scores become cap · tanh(score / cap); 0: none
  int64_t window;  // a token sees so many at most, itself among them; 0: all
  std::vector<Stretch> stretches;

  struct Inputs {
    const float *q, *k, *v;
  };
  /// What a forward pass leaves: `out` and, of each token and head, the logarithm of the sum of its scores'
  /// exponentials.
  struct Results {
    const float *out, *sums;
  };
  struct Gradients {
    float *q, *k, *v;
  };

  /// Part `part` of `parts` of the work. Bits do not depend on how many parts there are.
  void forward(const Inputs& in, float* out, float* sums, int64_t part, int64_t parts) const;
  /// `d`: the gradient of `out`.
  void backward(const Inputs& in, const Results& found, const float* d, const Gradients& gradients, int64_t part,
                int64_t parts) const;
};

}  // namespace lathe
