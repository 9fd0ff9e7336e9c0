#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

struct ScoreOptions {
  std::string model_path;
  std::vector<AdapterFile> adapters = {};  // beside its weights
  int threads = 1;
  int gpu_layers = 0;
};

/// A text and what may follow it.
struct Pair {
  std::string text;
  std::string answer;
};

/// How likely a model holds an answer after its text.
struct Score {
  double log_likelihood = 0;  // of all its tokens together, in nats
  int32_t tokens = 0;
  bool is_likeliest = true;  // each of its tokens is the likeliest after those before
};

/// One score for each pair, in order. As lm-evaluation-harness has it: text and answer are tokenized as one; the
/// answer's tokens are those after the ones that the text alone begins with. Pairs that follow each other and begin
/// with the same tokens share their computation. Throws what Model and tokenize throw; CodedError
/// evaluate.notGenerative, evaluate.contextLength, evaluate.decodeFailed, evaluate.notFinite; Cancelled.
std::vector<Score> score_answers(const GgmlApi& api, const ScoreOptions& options, const std::vector<Pair>& pairs,
                                 JobControl& control);

}  // namespace lathe
