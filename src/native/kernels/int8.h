#pragma once

#include <cstdint>

#include "workers.h"

namespace lathe {

/// LLM.int8()'s weight form, row by row ("vector-wise absmax", arXiv 2208.07339): codes = round(w · 127 / absmax), half to
/// even, and absmax itself kept as SCB. As bitsandbytes does it, the weights pass through float16 first.
/// codes [rows × columns], scb [rows]. A row of zeros gets codes 0 and SCB 0. An infinite weight (also one that float16
/// cannot hold) makes its row meaningless: returns the number of such rows, which the caller must refuse.
int64_t int8_quantize_rows(int64_t rows, int64_t columns, const float* weight, int8_t* codes, float* scb,
                           Workers& workers);

/// weight = codes · (SCB · 1/127), with bitsandbytes' float32 constant.
void int8_dequantize_rows(int64_t rows, int64_t columns, const int8_t* codes, const float* scb, float* weight,
                          Workers& workers);

/// The asymmetric form: each row's [min, max] (0 always inside) on 0..255, stored as code − 128.
/// weight = scale · (codes − zero_point), zero_point in −128..127. Scales are chosen with eight significant bits, since
/// loaders round them to the model's type, which may be bfloat16: so they are read as the codes were chosen for.
void int8_quantize_rows_zero_point(int64_t rows, int64_t columns, const float* weight, int8_t* codes, float* scales,
                                   int8_t* zero_points, Workers& workers);

void int8_dequantize_rows_zero_point(int64_t rows, int64_t columns, const int8_t* codes, const float* scales,
                                     const int8_t* zero_points, float* weight, Workers& workers);

}  // namespace lathe
