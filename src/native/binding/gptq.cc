#include <algorithm>
#include <cstring>
#include <memory>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "kernels/error_sum.h"
#include "kernels/gptq.h"
#include "kernels/gptq_layout.h"

namespace lathe {
namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostExtent = int64_t{1} << 24;  // of a matrix: ten times the widest that there is

constexpr const char* kOffsetTypes[] = {"Q4_0", "Q5_0", "Q8_0"};  // in the order of OffsetType
constexpr const char* kRepackProblems[] = {"none", "mixedGroup", "outOfRange", "unevenRow"};  // of RepackProblem

int threads_of(const Arguments& arguments, size_t index) {
  return static_cast<int>(arguments.whole(index, "threads", 1, kMostThreads));
}

int bits_of(const Arguments& arguments, size_t index) {
  const int64_t bits = arguments.whole(index, "bits", 2, 8);
  if (bits != 2 && bits != 3 && bits != 4 && bits != 8) arguments.fail("bits", "is not 2, 3, 4 or 8");
  return static_cast<int>(bits);
}

template <class Array, class Value>
Array to_array(Napi::Env env, const std::vector<Value>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(Value));
  return array;
}

/// gptqQuantize(weight F32, rows, hessian F32, { bits, groupSize, symmetric, actOrder, staticGroups, signedScales, damping, mseExponent },
/// threads, cancelFlag) → { codes, scales, zeros, gIdx, groups, loss, damping, deadColumns, fellBack }
/// Both inputs are copied: what the algorithm uses up is its own.
Napi::Value quantize_gptq(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t rows = arguments.whole(1, "rows", 1, kMostExtent);
  const Span<float> weight = arguments.floats(0, "weight");
  const int64_t columns = weight.count / rows;
  if (columns * rows != weight.count || columns > kMostExtent) arguments.fail("weight", "is no whole number of rows");
  const Span<float> hessian = arguments.floats(2, "hessian", columns * columns);
  if (!info[3].IsObject()) arguments.fail("options", "is not an object");
  const auto given = info[3].As<Napi::Object>();
  const auto number = [&](const char* name) {
    const Napi::Value value = given.Get(name);
    if (!value.IsNumber()) arguments.fail(name, "is not a number");
    return value.As<Napi::Number>().DoubleValue();
  };
  const auto flag = [&](const char* name) {
    const Napi::Value value = given.Get(name);
    if (!value.IsBoolean()) arguments.fail(name, "is not a boolean");
    return value.As<Napi::Boolean>().Value();
  };
  GptqOptions options;
  options.bits = static_cast<int>(number("bits"));
  if (options.bits != 2 && options.bits != 3 && options.bits != 4 && options.bits != 8)
    arguments.fail("bits", "is not 2, 3, 4 or 8");
  const double group_size = number("groupSize");
  if (group_size != -1 && !(group_size >= 1 && group_size <= static_cast<double>(kMostExtent)))
    arguments.fail("groupSize", "is neither -1 nor a number of columns");
  options.group_size = static_cast<int64_t>(group_size);
  options.symmetric = flag("symmetric");
  options.act_order = flag("actOrder");
  options.static_groups = flag("staticGroups");
  options.signed_scales = flag("signedScales");
  if (options.signed_scales && !options.symmetric) arguments.fail("signedScales", "needs symmetric");
  options.damping = static_cast<float>(number("damping"));
  options.mse_exponent = static_cast<float>(number("mseExponent"));
  const int threads = threads_of(arguments, 4);
  const Job::Options job{{info[0], info[2]}, arguments.cancel_flag(5), {}};
  return Job::start(info.Env(), job, [=](JobControl& control) {
    Workers workers(threads);
    if (!all_finite(weight.count, weight.data, workers)) throw CodedError("quantize.notFinite");
    std::vector<float> w(weight.data, weight.data + weight.count), h(hessian.data, hessian.data + hessian.count);
    auto result = std::make_shared<GptqResult>(
        gptq_quantize(rows, columns, w.data(), h.data(), options, workers, &control.cancelled()));
    return [result](Napi::Env env) {
      Napi::Object object = Napi::Object::New(env);
      object.Set("codes", to_array<Napi::Uint8Array>(env, result->codes));
      object.Set("scales", to_array<Napi::Uint16Array>(env, result->scales));
      object.Set("zeros", to_array<Napi::Int32Array>(env, result->zeros));
      object.Set("gIdx", to_array<Napi::Int32Array>(env, result->g_idx));
      object.Set("groups", static_cast<double>(result->groups));
      object.Set("loss", result->loss);
      object.Set("damping", static_cast<double>(result->damping));
      object.Set("deadColumns", static_cast<double>(result->dead_columns));
      object.Set("fellBack", result->fell_back);
      return object;
    };
  });
}

/// Sizes of a packed matrix: inputs and outputs are multiples of 32.
struct Extent {
  int64_t inputs;
  int64_t outputs;
};
Extent extent_of(const Arguments& arguments, size_t index) {
  const Extent extent{arguments.whole(index, "inputs", 1, kMostExtent), arguments.whole(index + 1, "outputs", 1, kMostExtent)};
  if (extent.inputs % 32 != 0 || extent.outputs % 32 != 0) arguments.fail("inputs", "and outputs are not multiples of 32");
  return extent;
}

Napi::Value nothing(Napi::Env env) { return env.Undefined(); }

/// gptqPackWeight(bits, inputs, outputs, codes, qweight U32, threads)
Napi::Value pack_weight(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int bits = bits_of(arguments, 0);
  const auto [inputs, outputs] = extent_of(arguments, 1);
  const Bytes codes = arguments.bytes(3, "codes", inputs * outputs);
  const Span<uint32_t> qweight = arguments.words(4, "qweight", inputs * bits / 32 * outputs);
  const int threads = threads_of(arguments, 5);
  return Job::start(info.Env(), {{info[3], info[4]}, nullptr, {}}, [=, inputs = inputs, outputs = outputs](JobControl&) {
    Workers workers(threads);
    gptq_pack_weight(bits, inputs, outputs, codes.data, qweight.data, workers);
    return nothing;
  });
}

/// gptqUnpackWeight(bits, inputs, outputs, qweight U32, codes, threads)
Napi::Value unpack_weight(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int bits = bits_of(arguments, 0);
  const auto [inputs, outputs] = extent_of(arguments, 1);
  const Span<uint32_t> qweight = arguments.words(3, "qweight", inputs * bits / 32 * outputs);
  const Bytes codes = arguments.bytes(4, "codes", inputs * outputs);
  const int threads = threads_of(arguments, 5);
  return Job::start(info.Env(), {{info[3], info[4]}, nullptr, {}}, [=, inputs = inputs, outputs = outputs](JobControl&) {
    Workers workers(threads);
    gptq_unpack_weight(bits, inputs, outputs, qweight.data, codes.data, workers);
    return nothing;
  });
}

/// gptqPackZeros(bits, groups, outputs, zeros I32, storedMinus, qzeros U32) → whether every zero has a field; at once
Napi::Value pack_zeros(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int bits = bits_of(arguments, 0);
  const int64_t groups = arguments.whole(1, "groups", 1, kMostExtent), outputs = arguments.whole(2, "outputs", 32, kMostExtent);
  const Span<int32_t> zeros = arguments.integers(3, "zeros", groups * outputs);
  const int minus = static_cast<int>(arguments.whole(4, "storedMinus", 0, 1));
  const Span<uint32_t> qzeros = arguments.words(5, "qzeros", groups * (outputs * bits / 32));
  return Napi::Boolean::New(info.Env(), gptq_pack_zeros(bits, groups, outputs, zeros.data, minus, qzeros.data));
}

/// gptqUnpackZeros(bits, groups, outputs, qzeros U32, storedMinus, zeros I32); at once
Napi::Value unpack_zeros(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int bits = bits_of(arguments, 0);
  const int64_t groups = arguments.whole(1, "groups", 1, kMostExtent), outputs = arguments.whole(2, "outputs", 32, kMostExtent);
  const Span<uint32_t> qzeros = arguments.words(3, "qzeros", groups * (outputs * bits / 32));
  const int minus = static_cast<int>(arguments.whole(4, "storedMinus", 0, 1));
  const Span<int32_t> zeros = arguments.integers(5, "zeros", groups * outputs);
  gptq_unpack_zeros(bits, groups, outputs, qzeros.data, minus, zeros.data);
  return info.Env().Undefined();
}

/// g_idx of a file from outside: a group that is not there would be read past the scales.
void check_groups(const Arguments& arguments, Span<int32_t> g_idx, int64_t groups) {
  const bool inside = std::all_of(g_idx.data, g_idx.data + g_idx.count, [&](int32_t g) { return g >= 0 && g < groups; });
  if (!inside) throw to_js_error(arguments.env(), CodedError("quantize.badGroups"));
}

/// gptqDequantize(inputs, outputs, codes, scales F32, zeros I32, gIdx I32, target F32, threads)
Napi::Value dequantize_gptq(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const int64_t inputs = arguments.whole(0, "inputs", 1, kMostExtent), outputs = arguments.whole(1, "outputs", 1, kMostExtent);
  const Bytes codes = arguments.bytes(2, "codes", inputs * outputs);
  const Span<float> scales = arguments.floats(3, "scales");
  if (scales.count % outputs != 0) arguments.fail("scales", "is no whole number of groups");
  const Span<int32_t> zeros = arguments.integers(4, "zeros", scales.count);
  const Span<int32_t> g_idx = arguments.integers(5, "gIdx", inputs);
  const Span<float> target = arguments.floats(6, "target", inputs * outputs);
  const int threads = threads_of(arguments, 7);
  check_groups(arguments, g_idx, scales.count / outputs);
  return Job::start(info.Env(), {{info[2], info[3], info[4], info[5], info[6]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    gptq_dequantize(inputs, outputs, codes.data, scales.data, zeros.data, g_idx.data, target.data, workers);
    return nothing;
  });
}

/// gptqRepack(type, inputs, outputs, codes, scales U16, zeros I32, gIdx I32, blocks, threads)
/// → 'none' | 'mixedGroup' | 'outOfRange' | 'unevenRow': why it cannot be done bit for bit
Napi::Value repack_gptq(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const auto type = static_cast<OffsetType>(arguments.choice(0, "type", kOffsetTypes));
  const int64_t inputs = arguments.whole(1, "inputs", 1, kMostExtent), outputs = arguments.whole(2, "outputs", 1, kMostExtent);
  const Bytes codes = arguments.bytes(3, "codes", inputs * outputs);
  const Span<uint16_t> scales = arguments.halves(4, "scales");
  if (scales.count % outputs != 0) arguments.fail("scales", "is no whole number of groups");
  const Span<int32_t> zeros = arguments.integers(5, "zeros", scales.count);
  const Span<int32_t> g_idx = arguments.integers(6, "gIdx", inputs);
  const Bytes blocks = arguments.bytes(7, "blocks", inputs / 32 * offset_block_bytes(type) * outputs);
  const int threads = threads_of(arguments, 8);
  check_groups(arguments, g_idx, scales.count / outputs);
  return Job::start(info.Env(), {{info[3], info[4], info[5], info[6], info[7]}, nullptr, {}}, [=](JobControl&) {
    Workers workers(threads);
    const RepackProblem problem =
        gptq_repack(type, inputs, outputs, codes.data, scales.data, zeros.data, g_idx.data, blocks.data, workers);
    return [=](Napi::Env env) { return Napi::String::New(env, kRepackProblems[static_cast<size_t>(problem)]); };
  });
}

}  // namespace

void add_gptq_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("gptqQuantize", Napi::Function::New(env, quantize_gptq));
  exports.Set("gptqPackWeight", Napi::Function::New(env, pack_weight));
  exports.Set("gptqUnpackWeight", Napi::Function::New(env, unpack_weight));
  exports.Set("gptqPackZeros", Napi::Function::New(env, pack_zeros));
  exports.Set("gptqUnpackZeros", Napi::Function::New(env, unpack_zeros));
  exports.Set("gptqDequantize", Napi::Function::New(env, dequantize_gptq));
  exports.Set("gptqRepack", Napi::Function::New(env, repack_gptq));
}

}  // namespace lathe
