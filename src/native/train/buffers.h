#pragma once

#include <map>

#include "train/trainer.h"

namespace lathe {

/// Nodes of the largest graph: a layer there and back, its attention head by head.
constexpr size_t kGraphNodes = 16'384;

/// What outlives a graph, all of it on the device.
struct Trainer::Buffers {
  Buffers(const GgmlApi& api, ggml_backend_t backend, int64_t layers)
      : context(api, static_cast<size_t>(layers) + 64 + 4096), memory(api), shared(api, backend) {}

  TensorContext context;
  BackendBuffer memory;
  /// For all graphs that keep nothing.
  GraphMemory shared;
  /// Without checkpointing: what each layer keeps for its way back.
  std::vector<std::unique_ptr<GraphMemory>> kept;

  ggml_tensor *ids, *positions, *mask, *mask_sliding;
  ggml_tensor* chunk_rows;           // 0, 1, 2, …
  std::vector<ggml_tensor*> states;  // what goes into each layer, and what comes out of the last: [embedding, most]
  ggml_tensor* gradients[2];         // of them, taking turns
  ggml_tensor *places, *places_long, *labels, *labels_long, *weights;  // of the trained tokens
  ggml_tensor* drops[4] = {};                                          // as in Dropout
  std::map<std::string, ggml_tensor*> squares;                         // of DoRA
};

/// One layer's graph, for as long as its way back may need it.
struct Trainer::LayerPass {
  explicit LayerPass(const GgmlApi& api) : context(api, kGraphNodes * 2, kGraphNodes) {}
  TensorContext context;
  std::unique_ptr<Tape> tape;
  ggml_cgraph* forward = nullptr;
  std::vector<ggml_tensor*> results;  // of the way back
};

}  // namespace lathe
