#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

struct ContinueOptions {
  std::string model_path;
  std::vector<AdapterFile> adapters = {};  // beside its weights
  int32_t places = 1;                      // evenly spaced over the text
  int32_t prompt_tokens = 1;               // of the text, before each continuation, at most: words are left whole
  int32_t new_tokens = 1;                  // at most: a model may end by itself
  int threads = 1;
  int gpu_layers = 0;
};

/// What a model makes of a place in a text.
struct Continuation {
  std::string prompt;
  std::string continuation;
};

/// The greedy continuations of a text: at each place, BOS where the model adds one, the prompt, and then each time the
/// token that is likeliest (of equal ones the first). Fewer places where prompts would overlap. Throws what Model and
/// tokenize throw, and CodedError evaluate.notGenerative, evaluate.textTooShort, evaluate.decodeFailed,
/// evaluate.notFinite, engine.insufficientMemory.
std::vector<Continuation> continue_text(const GgmlApi& api, const ContinueOptions& options, const std::string& text,
                                        JobControl& control);

}  // namespace lathe
