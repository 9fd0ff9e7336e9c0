#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

struct PerplexityOptions {
  std::string model_path;
  std::vector<AdapterFile> adapters = {};  // beside its weights
  int32_t context_length = 0;
  int threads = 1;
  int gpu_layers = 0;
  int64_t max_windows = 0;  // 0: the whole text
};

struct PerplexityResult {
  double perplexity = 0;      // exp of the mean
  double standard_error = 0;  // of the perplexity
  double nll = 0;             // mean negative log-likelihood of a prediction, in nats
  int64_t predictions = 0;
  int64_t windows = 0;
  int64_t text_tokens = 0;
};

/// How well a model predicts a text, by the method of llama.cpp's tools/perplexity (see WindowRun). Reports windows.
/// Throws what Model, tokenize and WindowRun throw, and CodedError evaluate.notFinite.
PerplexityResult perplexity(const GgmlApi& api, const PerplexityOptions& options, const std::string& text,
                            JobControl& control);

}  // namespace lathe
