#include <cstring>
#include <limits>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "kernels/error_sum.h"
#include "kernels/four_bit.h"
#include "kernels/int8.h"
#include "quantize/ggml_types.h"

namespace lathe {
namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostElements = int64_t{1} << 48;

constexpr const char* kFourBitTypes[] = {"nf4", "fp4"};  // in the order of FourBitType

int threads_of(const Arguments& arguments, size_t index) {
  return static_cast<int>(arguments.whole(index, "threads", 1, kMostThreads));
}

Napi::Object to_object(Napi::Env env, const ErrorSum& sum) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("error", sum.error);
  result.Set("norm", sum.norm);
  return result;
}

Napi::Value nothing(Napi::Env env) { return env.Undefined(); }

/// ggmlQuantize(weight F32, type, rowLength, importance F32 | undefined, target, threads, cancelFlag) → { error, norm }
Napi::Value quantize_ggml(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return throwing_to_js(info.Env(), [&]() -> Napi::Value {
    const Span<float> weight = arguments.floats(0, "weight");
    const ggml_type type = ggml_type_named(ggml(), arguments.text(1, "type"));
    const int64_t row_length = arguments.whole(2, "rowLength", 1, kMostElements);
    const bool has_importance = !info[3].IsUndefined();
    const float* importance = has_importance ? arguments.floats(3, "importance", row_length).data : nullptr;
    if (weight.count % row_length != 0) arguments.fail("weight", "is no whole number of rows");
    if (row_length % ggml().ggml_blck_size(type) != 0) arguments.fail("rowLength", "is no whole number of blocks");
    if (importance == nullptr && ggml().ggml_quantize_requires_imatrix(type))
      arguments.fail("importance", "is needed for this type");
    const int64_t rows = weight.count / row_length;
    const Bytes target = arguments.bytes(4, "target");
    if (target.size != checked_product(rows, static_cast<int64_t>(ggml().ggml_row_size(type, row_length))))
      arguments.fail("target", "has another size than the rows need");
    const int threads = threads_of(arguments, 5);
    Job::Options job{{info[0], info[4]}, arguments.cancel_flag(6), {}};
    if (has_importance) job.inputs.push_back(info[3]);
    return Job::start(info.Env(), job, [=](JobControl& control) {
      const ErrorSum sum =
          ggml_quantize_rows(ggml(), type, rows, row_length, weight.data, importance, target.data, threads, control);
      return [=](Napi::Env env) { return to_object(env, sum); };
    });
  });
}

/// ggmlDequantize(source, type, rowLength, target F32, threads)
Napi::Value dequantize_ggml(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return throwing_to_js(info.Env(), [&]() -> Napi::Value {
    const Bytes source = arguments.bytes(0, "source");
    const ggml_type type = ggml_type_named(ggml(), arguments.text(1, "type"));
    const int64_t row_length = arguments.whole(2, "rowLength", 1, kMostElements);
    const Span<float> target = arguments.floats(3, "target");
    const int threads = threads_of(arguments, 4);
    if (row_length % ggml().ggml_blck_size(type) != 0) arguments.fail("rowLength", "is no whole number of blocks");
    const int64_t rows = target.count / row_length;
    if (rows * row_length != target.count ||
        source.size != checked_product(rows, static_cast<int64_t>(ggml().ggml_row_size(type, row_length))))
      arguments.fail("source", "does not have the rows of target");
    return Job::start(info.Env(), {{info[0], info[3]}, nullptr, {}}, [=](JobControl&) {
      ggml_dequantize_rows(ggml(), type, rows, row_length, source.data, target.data, threads);
      return nothing;
    });
  });
}

/// int8Quantize(weight F32, rows, codes, scb F32, threads) → the number of rows with a weight that float16 cannot hold
Napi::Value quantize_int8(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(1, "rows", 1, kMostElements);
  const Span<float> weight = arguments.floats(0, "weight");
  if (weight.count % rows != 0) arguments.fail("weight", "is no whole number of rows");
  const Bytes codes = arguments.bytes(2, "codes", weight.count);
  const Span<float> scb = arguments.floats(3, "scb", rows);
  const int threads = threads_of(arguments, 4);
  return Job::start(info.Env(), {{info[0], info[2], info[3]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    const int64_t infinite = int8_quantize_rows(rows, weight.count / rows, weight.data,
                                                reinterpret_cast<int8_t*>(codes.data), scb.data, workers);
    return [=](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(infinite)); };
  });
}

/// int8Dequantize(codes, rows, scb F32, target F32, threads)
Napi::Value dequantize_int8(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(1, "rows", 1, kMostElements);
  const Span<float> target = arguments.floats(3, "target");
  if (target.count % rows != 0) arguments.fail("target", "is no whole number of rows");
  const Bytes codes = arguments.bytes(0, "codes", target.count);
  const Span<float> scb = arguments.floats(2, "scb", rows);
  const int threads = threads_of(arguments, 4);
  return Job::start(info.Env(), {{info[0], info[2], info[3]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    int8_dequantize_rows(rows, target.count / rows, reinterpret_cast<const int8_t*>(codes.data), scb.data, target.data,
                         workers);
    return nothing;
  });
}

/// int8ZeroPointQuantize(weight F32, rows, codes, scales F32, zeroPoints, threads)
Napi::Value quantize_int8_zero_point(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(1, "rows", 1, kMostElements);
  const Span<float> weight = arguments.floats(0, "weight");
  if (weight.count % rows != 0) arguments.fail("weight", "is no whole number of rows");
  const Bytes codes = arguments.bytes(2, "codes", weight.count);
  const Span<float> scales = arguments.floats(3, "scales", rows);
  const Bytes zero_points = arguments.bytes(4, "zeroPoints", rows);
  const int threads = threads_of(arguments, 5);
  return Job::start(info.Env(), {{info[0], info[2], info[3], info[4]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    int8_quantize_rows_zero_point(rows, weight.count / rows, weight.data, reinterpret_cast<int8_t*>(codes.data),
                                  scales.data, reinterpret_cast<int8_t*>(zero_points.data), workers);
    return nothing;
  });
}

/// int8ZeroPointDequantize(codes, rows, scales F32, zeroPoints, target F32, threads)
Napi::Value dequantize_int8_zero_point(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(1, "rows", 1, kMostElements);
  const Span<float> target = arguments.floats(4, "target");
  if (target.count % rows != 0) arguments.fail("target", "is no whole number of rows");
  const Bytes codes = arguments.bytes(0, "codes", target.count);
  const Span<float> scales = arguments.floats(2, "scales", rows);
  const Bytes zero_points = arguments.bytes(3, "zeroPoints", rows);
  const int threads = threads_of(arguments, 5);
  return Job::start(info.Env(), {{info[0], info[2], info[3], info[4]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    int8_dequantize_rows_zero_point(rows, target.count / rows, reinterpret_cast<const int8_t*>(codes.data), scales.data,
                                    reinterpret_cast<const int8_t*>(zero_points.data), target.data, workers);
    return nothing;
  });
}

int64_t blocks_of(int64_t count, int64_t block_size) { return (count + block_size - 1) / block_size; }

/// fourBitQuantize(type, weight F32, blockSize, packed, absmax F32, threads)
Napi::Value quantize_four_bit(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const auto type = static_cast<FourBitType>(arguments.choice(0, "type", kFourBitTypes));
  const Span<float> weight = arguments.floats(1, "weight");
  const int64_t block_size = arguments.whole(2, "blockSize", 2, 4096);
  if (block_size % 2 != 0) arguments.fail("blockSize", "is not even");
  const Bytes packed = arguments.bytes(3, "packed", (weight.count + 1) / 2);
  const Span<float> absmax = arguments.floats(4, "absmax", blocks_of(weight.count, block_size));
  const int threads = threads_of(arguments, 5);
  return Job::start(info.Env(), {{info[1], info[3], info[4]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    four_bit_quantize(type, weight.count, block_size, weight.data, packed.data, absmax.data, workers);
    return nothing;
  });
}

/// fourBitDequantize(values F32, packed, blockSize, absmax F32, target F32, threads)
Napi::Value dequantize_four_bit(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Span<float> values = arguments.floats(0, "values", 16);
  const Span<float> target = arguments.floats(4, "target");
  const Bytes packed = arguments.bytes(1, "packed", (target.count + 1) / 2);
  const int64_t block_size = arguments.whole(2, "blockSize", 2, 4096);
  const Span<float> absmax = arguments.floats(3, "absmax", blocks_of(target.count, block_size));
  const int threads = threads_of(arguments, 5);
  return Job::start(info.Env(), {{info[0], info[1], info[3], info[4]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    four_bit_dequantize(values.data, target.count, block_size, packed.data, absmax.data, target.data, workers);
    return nothing;
  });
}

/// nestAbsmax(absmax F32, codes, nestedAbsmax F32) → the mean that was taken out; at once, there are few
Napi::Value nest(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Span<float> absmax = arguments.floats(0, "absmax");
  const Bytes codes = arguments.bytes(1, "codes", absmax.count);
  const Span<float> nested = arguments.floats(2, "nestedAbsmax", blocks_of(absmax.count, kNestedBlock));
  return Napi::Number::New(info.Env(), nest_absmax(absmax.count, absmax.data, codes.data, nested.data));
}

/// unnestAbsmax(map F32, codes, nestedAbsmax F32, offset, absmax F32)
Napi::Value unnest(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Span<float> map = arguments.floats(0, "map", 256);
  const Span<float> absmax = arguments.floats(4, "absmax");
  const Bytes codes = arguments.bytes(1, "codes", absmax.count);
  const Span<float> nested = arguments.floats(2, "nestedAbsmax", blocks_of(absmax.count, kNestedBlock));
  unnest_absmax(map.data, absmax.count, codes.data, nested.data, static_cast<float>(arguments.number(3, "offset")),
                absmax.data);
  return info.Env().Undefined();
}

/// quantizationMap('nf4' | 'fp4' | 'dynamic') → Float32Array
Napi::Value quantization_map(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  constexpr const char* kMaps[] = {"nf4", "fp4", "dynamic"};
  const size_t which = arguments.choice(0, "map", kMaps);
  const float* values = which == 2 ? dynamic_map() : four_bit_values(static_cast<FourBitType>(which));
  Napi::Float32Array result = Napi::Float32Array::New(info.Env(), which == 2 ? 256 : 16);
  std::memcpy(result.Data(), values, result.ByteLength());
  return result;
}

/// relativeError(original F32, restored F32, threads) → { error, norm }
Napi::Value measure_error(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Span<float> original = arguments.floats(0, "original");
  const Span<float> restored = arguments.floats(1, "restored", original.count);
  const int threads = threads_of(arguments, 2);
  return Job::start(info.Env(), {{info[0], info[1]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    const ErrorSum sum = error_sum(original.count, original.data, restored.data, workers);
    return [=](Napi::Env env) { return to_object(env, sum); };
  });
}

/// isFinite(values F32, threads)
Napi::Value check_finite(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Span<float> values = arguments.floats(0, "values");
  const int threads = threads_of(arguments, 1);
  return Job::start(info.Env(), {{info[0]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    const bool finite = all_finite(values.count, values.data, workers);
    return [=](Napi::Env env) { return Napi::Boolean::New(env, finite); };
  });
}

}  // namespace

void add_quantize_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("ggmlQuantize", Napi::Function::New(env, quantize_ggml));
  exports.Set("ggmlDequantize", Napi::Function::New(env, dequantize_ggml));
  exports.Set("int8Quantize", Napi::Function::New(env, quantize_int8));
  exports.Set("int8Dequantize", Napi::Function::New(env, dequantize_int8));
  exports.Set("int8ZeroPointQuantize", Napi::Function::New(env, quantize_int8_zero_point));
  exports.Set("int8ZeroPointDequantize", Napi::Function::New(env, dequantize_int8_zero_point));
  exports.Set("fourBitQuantize", Napi::Function::New(env, quantize_four_bit));
  exports.Set("fourBitDequantize", Napi::Function::New(env, dequantize_four_bit));
  exports.Set("nestAbsmax", Napi::Function::New(env, nest));
  exports.Set("unnestAbsmax", Napi::Function::New(env, unnest));
  exports.Set("quantizationMap", Napi::Function::New(env, quantization_map));
  exports.Set("relativeError", Napi::Function::New(env, measure_error));
  exports.Set("isFinite", Napi::Function::New(env, check_finite));
}

}  // namespace lathe
