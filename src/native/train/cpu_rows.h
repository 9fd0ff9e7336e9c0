#pragma once

#include "ggml_api.h"

namespace lathe {

// On the processor, row by row, what takes other backends several operators, each of which goes through memory once
// more.

/// dx for y = w · x / √(mean(x²) + ε). ggml has an operator of its own, but its allocator lets the result overwrite an
/// argument that it reads again.
ggml_tensor* cpu_rms_norm_back(const GgmlApi& api, ggml_context* context, ggml_tensor* dy, ggml_tensor* x,
                               ggml_tensor* weight, float epsilon);

/// σ(gate) · gate · up, of contiguous tensors.
ggml_tensor* cpu_swiglu(const GgmlApi& api, ggml_context* context, ggml_tensor* gate, ggml_tensor* up);

/// The gradients of gate and up, of that of the result.
struct SwigluBack {
  ggml_tensor *gate, *up;
};
SwigluBack cpu_swiglu_back(const GgmlApi& api, ggml_context* context, ggml_tensor* d, ggml_tensor* gate,
                           ggml_tensor* up);

}  // namespace lathe
