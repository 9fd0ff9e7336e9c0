#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

struct SpeedOptions {
  std::string model_path;
  std::vector<AdapterFile> adapters = {};  // beside its weights
  int32_t prompt_tokens = 512;             // read at once; 0: not measured
  int32_t new_tokens = 128;                // made one after another; 0: not measured
  int32_t depth = 0;                       // tokens that the context holds before either
  int32_t repetitions = 5;
  int32_t batch = 2048;  // tokens that are given to llama_decode at a time
  int32_t ubatch = 512;  // tokens that one graph computes
  ggml_type key_type = GGML_TYPE_F16;
  ggml_type value_type = GGML_TYPE_F16;
  llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
  int threads = 1;
  int gpu_layers = 0;
};

struct SpeedResult {
  double load_seconds = 0;             // the model, not the context
  std::vector<double> prompt_seconds;  // one for each repetition
  std::vector<double> new_seconds;     // likewise, for all new tokens together
  std::vector<double> new_starts;      // when each of those began, in seconds of the steady clock
};

/// How fast a model reads and writes, by llama-bench's method (tools/llama-bench of llama.cpp): random tokens, BOS
/// first where the model adds one; a context as long as what is measured, threads of its own that wait for work; one
/// warm-up; nothing is sampled or turned into text. Throws what loading throws; CodedError evaluate.notGenerative,
/// .contextLength, .quantizedValues, .decodeFailed, engine.insufficientMemory; Cancelled.
SpeedResult measure_speed(const GgmlApi& api, const SpeedOptions& options, JobControl& control);

}  // namespace lathe
