#include <limits>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "kernels/cast.h"
#include "kernels/layout.h"

namespace lathe {
namespace {

constexpr int64_t kAnyCount = int64_t{1} << 53;  // the whole numbers that JavaScript has

// In the order of FloatType and of CpuLevel.
constexpr const char* kFloatTypes[] = {"F32", "F16", "BF16", "F64"};
constexpr const char* kLevels[] = {"plain", "avx2", "avx512", "neon"};

/// cast(from, source, to, target, level | undefined) → { nonFinite, overflowed }
Napi::Value cast_tensor(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const auto from = static_cast<FloatType>(arguments.choice(0, "from", kFloatTypes));
  const Bytes source = arguments.bytes(1, "source");
  const auto to = static_cast<FloatType>(arguments.choice(2, "to", kFloatTypes));
  const Bytes target = arguments.bytes(3, "target");
  if (to == FloatType::kF64) arguments.fail("to", "cannot be F64");
  CpuLevel level = best_cpu_level();
  if (!arguments.value(4).IsUndefined()) level = static_cast<CpuLevel>(arguments.choice(4, "level", kLevels));
  if (!cpu_has(level)) arguments.fail("level", "is not one that this processor has");
  const int64_t count = source.size / float_size(from);
  if (count * float_size(from) != source.size) arguments.fail("source", "ends within a number");
  if (target.size != count * float_size(to)) arguments.fail("target", "has another number of elements than source");
  if (source.overlaps(target)) arguments.fail("target", "overlaps source");
  return Job::start(info.Env(), {{info[1], info[3]}, nullptr, {}}, [=](JobControl&) {
    const CastCounts counts = cast(source.data, from, target.data, to, count, level);
    return [=](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("nonFinite", static_cast<double>(counts.non_finite));
      result.Set("overflowed", static_cast<double>(counts.overflowed));
      return result;
    };
  });
}

Napi::Value nothing(Napi::Env env) { return env.Undefined(); }

/// permuteRows(source, target, rows, heads)
Napi::Value permute_tensor(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Bytes source = arguments.bytes(0, "source"), target = arguments.bytes(1, "target");
  const int64_t rows = arguments.whole(2, "rows", 1, kAnyCount), heads = arguments.whole(3, "heads", 1, kAnyCount);
  if (source.size % rows != 0) arguments.fail("source", "is not a whole number of bytes per row");
  if (rows % heads != 0 || rows / heads % 2 != 0) arguments.fail("rows", "is not an even number for each head");
  if (target.size != source.size) arguments.fail("target", "has another size than source");
  if (source.overlaps(target)) arguments.fail("target", "overlaps source");
  return Job::start(info.Env(), {{info[0], info[1]}, nullptr, {}}, [=](JobControl&) {
    permute_rows(source.data, target.data, rows, source.size / rows, heads);
    return nothing;
  });
}

/// transpose(source, target, rows, columns, elementBytes)
Napi::Value transpose_tensor(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Bytes source = arguments.bytes(0, "source"), target = arguments.bytes(1, "target");
  const int64_t rows = arguments.whole(2, "rows", 0, kAnyCount), columns = arguments.whole(3, "columns", 0, kAnyCount);
  const int64_t element = arguments.whole(4, "elementBytes", 1, 8);
  if ((element & (element - 1)) != 0) arguments.fail("elementBytes", "is not 1, 2, 4 or 8");
  if (checked_product(checked_product(rows, columns), element) != source.size)
    arguments.fail("source", "does not have rows · columns elements");
  if (target.size != source.size) arguments.fail("target", "has another size than source");
  if (source.overlaps(target)) arguments.fail("target", "overlaps source");
  return Job::start(info.Env(), {{info[0], info[1]}, nullptr, {}}, [=](JobControl&) {
    transpose(source.data, target.data, rows, columns, element);
    return nothing;
  });
}

/// addOne(values): float32, in place
Napi::Value add_one_to_tensor(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Bytes values = arguments.bytes(0, "values");
  if (values.size % 4 != 0) arguments.fail("values", "ends within a number");
  return Job::start(info.Env(), {{info[0]}, nullptr, {}}, [=](JobControl&) {
    add_one(values.data, values.size / 4);
    return nothing;
  });
}

}  // namespace

void add_tensor_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("cast", Napi::Function::New(env, cast_tensor));
  exports.Set("permuteRows", Napi::Function::New(env, permute_tensor));
  exports.Set("transpose", Napi::Function::New(env, transpose_tensor));
  exports.Set("addOne", Napi::Function::New(env, add_one_to_tensor));
}

}  // namespace lathe
