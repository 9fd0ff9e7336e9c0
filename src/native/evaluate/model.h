#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ggml_api.h"
#include "job_control.h"

namespace lathe {

/// A LoRA adapter (GGUF) that acts beside the weights.
struct AdapterFile {
  std::string path;  // UTF-8
  float scale = 1;
};

/// A model that llama.cpp has loaded.
class Model {
 public:
  struct Options {
    std::string path;  // UTF-8
    int gpu_layers = 0;
    bool vocabulary_only = false;
    bool plain_layout = false;  // weights as the file has them, in its mapping: no layout of a backend's own
    std::vector<AdapterFile> adapters = {};
  };

  /// llama.cpp ends the whole process where it meets what it did not expect (GGML_ASSERT). So the file is looked
  /// through before: that its header can be read; that it has a tokenizer whose tokens differ from each other; that the
  /// number of layers, of experts and the kind of rope scaling are ones it knows. What it reports itself is an error as
  /// well. Throws CodedError engine.loadFailed, evaluate.noTokenizer; Cancelled.
  Model(const GgmlApi& api, const Options& options, const JobControl& control);

  const GgmlApi& api() const { return api_; }
  llama_model* get() const { return model_.get(); }
  const llama_vocab* vocabulary() const { return vocabulary_; }
  /// A context on the model, its adapters in effect. Throws CodedError engine.insufficientMemory.
  std::unique_ptr<llama_context, decltype(&llama_free)> open_context(const llama_context_params& params) const;
  /// As errors name it, without its folders.
  const std::string& file_name() const { return file_name_; }

 private:
  const GgmlApi& api_;
  std::string file_name_;
  std::unique_ptr<llama_model, decltype(&llama_model_free)> model_;
  const llama_vocab* vocabulary_ = nullptr;
  // They belong to the model, and go with it.
  std::vector<llama_adapter_lora*> adapters_;
  std::vector<float> scales_;
};

}  // namespace lathe
