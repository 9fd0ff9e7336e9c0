#pragma once

#include <cstdint>
#include <string>

#include "ggml_api.h"
#include "job_control.h"
#include "kernels/error_sum.h"

namespace lathe {

/// The type with this name (`Q4_K`, in any case). Throws CodedError quantize.unknownType for one that cannot be written.
ggml_type ggml_type_named(const GgmlApi& api, const std::string& name);

/// Rows of float32 to a ggml type, through ggml's own quantizers, several threads at a time. `importance` [row_length] may
/// be null. Whatever the number of threads, the bytes are those of one call for all rows. The result is read back and
/// held against the weights.
/// Throws CodedError quantize.notFinite (weights), quantize.badRows (rows that ggml would refuse to load); Cancelled.
ErrorSum ggml_quantize_rows(const GgmlApi& api, ggml_type type, int64_t rows, int64_t row_length, const float* weight,
                            const float* importance, uint8_t* target, int threads, const JobControl& control);

/// Rows of any ggml type to float32. Throws CodedError quantize.badRows.
void ggml_dequantize_rows(const GgmlApi& api, ggml_type type, int64_t rows, int64_t row_length, const uint8_t* source,
                          float* weight, int threads);

}  // namespace lathe
