#pragma once

#include "ggml_api.h"

namespace lathe {

/// Ways back on the processor, row by row, for which other backends take several operators. ggml has operators of its
/// own, but its allocator lets their result overwrite an argument that they read again.

/// dx = scale · (dp − Σ dp · p) · p, for p = softmax(scale · x)
ggml_tensor* cpu_softmax_back(const GgmlApi& api, ggml_context* context, ggml_tensor* dp, ggml_tensor* p, float scale);

/// dx for y = w · x / √(mean(x²) + ε)
ggml_tensor* cpu_rms_norm_back(const GgmlApi& api, ggml_context* context, ggml_tensor* dy, ggml_tensor* x,
                               ggml_tensor* weight, float epsilon);

}  // namespace lathe
