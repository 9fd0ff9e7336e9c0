// LLM.int8() and its form with zero points: any finite weights to codes, any codes and scales to weights.
#include "kernels/int8.h"

#include <cmath>

#include "input.h"
#include "kernels/error_sum.h"

using namespace lathe;
using fuzz::Exact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const int64_t rows = input.between(1, 5), columns = input.between(1, 200), count = rows * columns;
  Exact<float> weight(count, input), back(count);
  Exact<int8_t> codes(count), zero_points(rows);
  Exact<float> scales(rows);
  int8_quantize_rows(rows, columns, weight.data(), codes.data(), scales.data(), fuzz::alone());
  int8_dequantize_rows(rows, columns, codes.data(), scales.data(), back.data(), fuzz::alone());
  // Whoever calls refuses what is not finite.
  if (all_finite(count, weight.data(), fuzz::alone())) {
    int8_quantize_rows_zero_point(rows, columns, weight.data(), codes.data(), scales.data(), zero_points.data(),
                                  fuzz::alone());
    int8_dequantize_rows_zero_point(rows, columns, codes.data(), scales.data(), zero_points.data(), back.data(),
                                    fuzz::alone());
  }
  Exact<int8_t> foreign(count, input), zeros(rows, input);
  Exact<float> factors(rows, input);
  int8_dequantize_rows(rows, columns, foreign.data(), factors.data(), back.data(), fuzz::alone());
  int8_dequantize_rows_zero_point(rows, columns, foreign.data(), factors.data(), zeros.data(), back.data(),
                                  fuzz::alone());
  return 0;
}
