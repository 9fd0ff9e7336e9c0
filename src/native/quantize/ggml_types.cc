#include "quantize/ggml_types.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cmath>
#include <cstring>
#include <vector>

#include "coded_error.h"
#include "kernels/row_kernels.h"
#include "kernels/workers.h"

namespace lathe {
namespace {

/// Weights that one thread takes at a time: a few milliseconds even for the slowest types, so that a cancel is soon
/// seen.
constexpr int64_t kPieceWeights = 32768;

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Types whose encoders look codes up in a grid. They square sums of importance · weight², and where these are infinite
/// ggml ends the whole process (`GGML_ASSERT(grid_index >= 0)`).
bool has_grid(ggml_type type) {
  switch (type) {
    case GGML_TYPE_IQ1_S:
    case GGML_TYPE_IQ1_M:
    case GGML_TYPE_IQ2_XXS:
    case GGML_TYPE_IQ2_XS:
    case GGML_TYPE_IQ2_S:
    case GGML_TYPE_IQ3_XXS:
    case GGML_TYPE_IQ3_S:
      return true;
    default:
      return false;
  }
}

/// What these take: about where float16 ends, and what keeps their sums finite with it.
constexpr float kLargestWeight = 65536.0f;
constexpr float kLargestImportance = 262144.0f;

/// Importances are shares: divided by a power of two they mean the same, to the bit.
std::vector<float> tamed(const float* importance, int64_t count) {
  std::vector<float> values(importance, importance + count);
  const float largest = *std::max_element(values.begin(), values.end());
  if (!(largest > kLargestImportance)) return values;
  const int steps = std::ilogb(largest / kLargestImportance) + 1;
  for (float& value : values) value = std::ldexp(value, -steps);
  return values;
}

int64_t rows_per_piece(int64_t row_length) { return std::max<int64_t>(1, kPieceWeights / row_length); }

}  // namespace

ggml_type ggml_type_named(const GgmlApi& api, const std::string& name) {
  for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
    const auto type = static_cast<ggml_type>(i);
    const ggml_type_traits* traits = api.ggml_get_type_traits(type);
    // A removed type has no block; one that only exists within a computation cannot be turned back.
    if (traits == nullptr || traits->type_name == nullptr || traits->blck_size == 0) continue;
    const bool can_be_read = type == GGML_TYPE_F32 || traits->to_float != nullptr;
    if (can_be_read && upper(traits->type_name) == upper(name)) return type;
  }
  throw CodedError("quantize.unknownType", {{"type", name}});
}

ErrorSum ggml_quantize_rows(const GgmlApi& api, ggml_type type, int64_t rows, int64_t row_length, const float* weight,
                            const float* importance, uint8_t* target, int threads, const JobControl& control) {
  Workers workers(threads);
  // The tables of some types are made once; ggml guards that with a lock.
  api.ggml_quantize_init(type);
  const size_t row_bytes = api.ggml_row_size(type, row_length);
  const int64_t step = rows_per_piece(row_length);
  const int64_t pieces = (rows + step - 1) / step;
  const ggml_to_float_t to_float = api.ggml_get_type_traits(type)->to_float;
  const bool grid = has_grid(type);
  std::vector<float> shares;
  if (grid && importance != nullptr) {
    shares = tamed(importance, row_length);
    importance = shares.data();
  }
  const auto bad_rows = [&] {
    return CodedError("quantize.badRows", {{"type", std::string(api.ggml_type_name(type))}});
  };
  std::vector<ErrorSum> sums(static_cast<size_t>(pieces));
  std::atomic<bool> valid{true};
  workers.each(pieces, [&](int64_t piece) {
    control.stop_if_cancelled();
    const int64_t first = piece * step, count = std::min(step, rows - first);
    const float* source = weight + first * row_length;
    uint8_t* out = target + static_cast<size_t>(first) * row_bytes;
    Workers alone(1);
    if (!all_finite(count * row_length, source, alone)) throw CodedError("quantize.notFinite");
    if (grid && row_kernels().largest(count * row_length, source) > kLargestWeight) throw bad_rows();
    api.ggml_quantize_chunk(type, source, out, 0, count, row_length, importance);
    if (!api.ggml_validate_row_data(type, out, static_cast<size_t>(count) * row_bytes)) valid = false;
    thread_local std::vector<float> restored;
    restored.resize(static_cast<size_t>(count * row_length));
    if (to_float != nullptr)
      to_float(out, restored.data(), count * row_length);
    else
      std::memcpy(restored.data(), out, restored.size() * sizeof(float));
    sums[static_cast<size_t>(piece)] = error_sum(count * row_length, source, restored.data(), alone);
  });
  if (!valid) throw bad_rows();
  ErrorSum total;
  for (const ErrorSum& sum : sums) {
    total.error += sum.error;
    total.norm += sum.norm;
  }
  return total;
}

void ggml_dequantize_rows(const GgmlApi& api, ggml_type type, int64_t rows, int64_t row_length, const uint8_t* source,
                          float* weight, int threads) {
  const size_t row_bytes = api.ggml_row_size(type, row_length);
  if (!api.ggml_validate_row_data(type, source, static_cast<size_t>(rows) * row_bytes))
    throw CodedError("quantize.badRows", {{"type", std::string(api.ggml_type_name(type))}});
  const ggml_to_float_t to_float = api.ggml_get_type_traits(type)->to_float;
  if (to_float == nullptr) {
    std::memcpy(weight, source, static_cast<size_t>(rows) * row_bytes);
    return;
  }
  Workers workers(threads);
  const int64_t step = rows_per_piece(row_length);
  workers.each((rows + step - 1) / step, [&](int64_t piece) {
    const int64_t first = piece * step, count = std::min(step, rows - first);
    to_float(source + static_cast<size_t>(first) * row_bytes, weight + first * row_length, count * row_length);
  });
}

}  // namespace lathe
