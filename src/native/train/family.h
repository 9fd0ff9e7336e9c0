#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

/// Turning by position, with ggml_rope_ext's parameters.
struct Rope {
  float base = 10000;
  float scale = 1;
};

/// What a decoder of the Llama kind has in numbers. What it has in tensors (biases, norms of heads, norms behind a
/// block, fused projections, an output matrix of its own) is known by the tensors. src/core/training/families.ts makes
/// it of a GGUF header; the meaning of each is that of llama.cpp's graph of the family.
struct Family {
  int64_t layers = 0;
  int64_t embedding = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t key_length = 0;    // of a head
  int64_t value_length = 0;  // of a head
  int64_t vocabulary = 0;
  float norm_epsilon = 1e-5f;
  /// What embeddings are multiplied with.
  float embedding_scale = 1;
  /// What queries times keys are multiplied with.
  float attention_scale = 1;
  /// c · tanh(x / c); 0: none.
  float attention_softcap = 0;
  float final_softcap = 0;
  /// GELU by its tanh formula instead of SiLU.
  bool gelu = false;
  bool rope_neox = false;
  int32_t rope_dimensions = 0;
  int32_t rope_original_context = 0;
  float yarn_ext_factor = 0, yarn_attention_factor = 1, yarn_beta_fast = 32, yarn_beta_slow = 1;
  Rope rope, rope_sliding;
  /// Tensor of factors of the frequencies; empty: none.
  std::string rope_factors;
  /// Tokens that a layer with a sliding window sees, itself included.
  int64_t window = 0;
  /// For each layer.
  std::vector<bool> sliding;
  std::vector<bool> rotates;
};

}  // namespace lathe
