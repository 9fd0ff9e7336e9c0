#pragma once

#include <memory>
#include <vector>

#include "ggml_api.h"

namespace lathe {

/// A context that holds descriptions of tensors, without their data, and up to three graphs.
class TensorContext {
 public:
  TensorContext(const GgmlApi& api, size_t tensors, size_t graph_nodes = 0)
      : api_(api), context_(nullptr, api.ggml_free) {
    const size_t size = tensors * api.ggml_tensor_overhead() +
                        (graph_nodes == 0 ? 0 : 3 * api.ggml_graph_overhead_custom(graph_nodes, false));
    context_.reset(api.ggml_init({size, nullptr, /*no_alloc=*/true}));
  }
  ggml_context* get() const { return context_.get(); }

 private:
  const GgmlApi& api_;
  std::unique_ptr<ggml_context, void (*)(ggml_context*)> context_;
};

/// Memory of a backend that lives until it is let go.
class BackendBuffer {
 public:
  explicit BackendBuffer(const GgmlApi& api) : api_(api) {}
  BackendBuffer(const BackendBuffer&) = delete;
  BackendBuffer& operator=(const BackendBuffer&) = delete;
  ~BackendBuffer() { reset(); }
  void reset(ggml_backend_buffer_t buffer = nullptr) {
    if (buffer_ != nullptr) api_.ggml_backend_buffer_free(buffer_);
    buffer_ = buffer;
  }
  size_t size() const { return buffer_ == nullptr ? 0 : api_.ggml_backend_buffer_get_size(buffer_); }

 private:
  const GgmlApi& api_;
  ggml_backend_buffer_t buffer_ = nullptr;
};

/// Allocates what every tensor of `context` needs that has no memory yet. Throws CodedError engine.insufficientMemory.
void allocate(const GgmlApi& api, ggml_context* context, ggml_backend_t backend, BackendBuffer& buffer);

/// Memory for the steps of a graph, used again by the next one; it grows to the largest.
class GraphMemory {
 public:
  GraphMemory(const GgmlApi& api, ggml_backend_t backend);
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;
  ~GraphMemory() { api_.ggml_gallocr_free(allocator_); }
  /// Throws CodedError engine.insufficientMemory.
  void allocate(ggml_cgraph* graph);
  size_t size() const { return api_.ggml_gallocr_get_buffer_size(allocator_, 0); }

 private:
  const GgmlApi& api_;
  ggml_gallocr_t allocator_;
};

/// Throws CodedError train.computeFailed.
void compute(const GgmlApi& api, ggml_backend_t backend, ggml_cgraph* graph);

}  // namespace lathe
