#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

struct CompareOptions {
  std::string source_path;
  std::string variant_path;
  std::vector<AdapterFile> source_adapters = {};  // beside the weights of the source
  std::vector<AdapterFile> variant_adapters = {};
  int32_t context_length = 0;
  int threads = 1;
  int gpu_layers = 0;
  int64_t max_windows = 0;  // 0: the whole text
};

/// What a variant lost against its source, prediction by prediction. Divergences in nats.
struct CompareResult {
  double source_perplexity = 0;
  double perplexity = 0;
  double perplexity_error = 0;  // standard error
  double mean_kl = 0;   // of D(source ‖ variant)
  double kl_error = 0;  // standard error of the mean
  double median_kl = 0;
  double kl_999 = 0;  // 99.9th percentile, interpolated between neighbours
  double max_kl = 0;
  double top_one_agreement = 0;  // share of predictions whose likeliest token is the same
  int64_t predictions = 0;
  int64_t windows = 0;
};

/// Both models predict the same text in step, so nothing is stored between them; by the method of llama.cpp's
/// tools/perplexity --kl-divergence, without its 16-bit rounding of the source's logits.
/// Throws what Model, tokenize and WindowRun throw, and CodedError evaluate.otherVocabulary, evaluate.notFinite.
CompareResult compare(const GgmlApi& api, const CompareOptions& options, const std::string& text, JobControl& control);

}  // namespace lathe
