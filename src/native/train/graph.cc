#include "train/graph.h"

#include "coded_error.h"

namespace lathe {

void allocate(const GgmlApi& api, ggml_context* context, ggml_backend_t backend, BackendBuffer& buffer) {
  if (api.ggml_get_first_tensor(context) == nullptr) return;
  const ProblemLog log;
  ggml_backend_buffer_t found = api.ggml_backend_alloc_ctx_tensors(context, backend);
  if (found == nullptr) throw CodedError("train.outOfMemory", {}, log.text());
  buffer.reset(found);
}

GraphMemory::GraphMemory(const GgmlApi& api, ggml_backend_t backend)
    : api_(api), allocator_(api.ggml_gallocr_new(api.ggml_backend_get_default_buffer_type(backend))) {}

void GraphMemory::allocate(ggml_cgraph* graph) {
  const ProblemLog log;
  if (!api_.ggml_gallocr_alloc_graph(allocator_, graph)) throw CodedError("train.outOfMemory", {}, log.text());
}

void compute(const GgmlApi& api, ggml_backend_t backend, ggml_cgraph* graph) {
  const ProblemLog log;
  const ggml_status status = api.ggml_backend_graph_compute(backend, graph);
  if (status == GGML_STATUS_SUCCESS) return;
  if (status == GGML_STATUS_ALLOC_FAILED) throw CodedError("train.outOfMemory", {}, log.text());
  throw CodedError("train.computeFailed", {{"status", static_cast<double>(status)}}, log.text());
}

}  // namespace lathe
