#pragma once

#include "ggml_api.h"

namespace lathe {

/// The way back on the processor, row by row, for which other backends take several operators. ggml has an operator of
/// its own, but its allocator lets the result overwrite an argument that it reads again.

/// dx for y = w · x / √(mean(x²) + ε)
ggml_tensor* cpu_rms_norm_back(const GgmlApi& api, ggml_context* context, ggml_tensor* dy, ggml_tensor* x,
                               ggml_tensor* weight, float epsilon);

}  // namespace lathe
