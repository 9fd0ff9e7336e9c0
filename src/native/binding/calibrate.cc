#include <cstring>
#include <limits>
#include <memory>
#include <mutex>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "calibrate/calibrator.h"

namespace lathe {
namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kInt32 = std::numeric_limits<int32_t>::max();

/// A calibrator is used by one job at a time.
struct Handle {
  std::unique_ptr<Calibrator> calibrator;
  std::mutex mutex;
};
using Shared = std::shared_ptr<Handle>;

Shared handle_of(const Arguments& arguments, size_t index) {
  const Napi::Value value = arguments.value(index);
  if (!value.IsExternal()) arguments.fail("calibrator", "is not a calibrator");
  return *value.As<Napi::External<Shared>>().Data();
}

/// openCalibrator(modelPath, text, contextLength, maxWindows, threads, cancelFlag) → { calibrator, windows }
Napi::Value open_calibrator(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  CalibrationOptions options;
  options.model_path = arguments.text(0, "modelPath");
  auto text = std::make_shared<const std::string>(arguments.text(1, "text"));
  options.context_length = static_cast<int32_t>(arguments.whole(2, "contextLength", 0, kInt32));
  options.max_windows = arguments.whole(3, "maxWindows", 0, kInt32);
  options.threads = static_cast<int>(arguments.whole(4, "threads", 1, kMostThreads));
  const Job::Options job{{}, arguments.cancel_flag(5), {}};
  return Job::start(info.Env(), job, [options, text](JobControl& control) {
    auto handle = std::make_shared<Handle>();
    handle->calibrator = std::make_unique<Calibrator>(ggml(), options, *text, control);
    return [handle](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("windows", static_cast<double>(handle->calibrator->windows()));
      result.Set("calibrator",
                 Napi::External<Shared>::New(env, new Shared(handle), [](Napi::Env, Shared* owned) { delete owned; }));
      return result;
    };
  });
}

/// closeCalibrator(calibrator): gives the model's memory back now, not when the handle is collected; at once
Napi::Value close_calibrator(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Shared handle = handle_of(arguments, 0);
  const std::lock_guard lock(handle->mutex);
  handle->calibrator.reset();
  return info.Env().Undefined();
}

template <class Work>
Napi::Value start_with_calibrator(const Napi::CallbackInfo& info, const Arguments& arguments, size_t cancel, Work work) {
  const Shared handle = handle_of(arguments, 0);
  const Job::Options job{{info[0]}, arguments.cancel_flag(cancel), arguments.callback(cancel + 1, "onProgress")};
  return Job::start(info.Env(), job, [handle, work](JobControl& control) {
    const std::lock_guard lock(handle->mutex);
    if (handle->calibrator == nullptr) throw CodedError("internal.unexpected", {{"problem", std::string("a closed calibrator")}});
    return work(*handle->calibrator, control);
  });
}

/// squareSums(calibrator, cancelFlag, onProgress | undefined) → [{ name, inputs, squareSums F32, maxima F32, rows F64 }]
Napi::Value square_sums(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return start_with_calibrator(info, arguments, 1, [](Calibrator& calibrator, JobControl& control) -> Job::Finish {
    auto found = std::make_shared<std::map<std::string, InputStatistics>>(calibrator.diagonals(control));
    return [found](Napi::Env env) {
      Napi::Array list = Napi::Array::New(env);
      for (const auto& [name, statistics] : *found) {
        Napi::Float32Array sums = Napi::Float32Array::New(env, statistics.square_sums.size());
        std::memcpy(sums.Data(), statistics.square_sums.data(), sums.ByteLength());
        Napi::Float32Array maxima = Napi::Float32Array::New(env, statistics.maxima.size());
        std::memcpy(maxima.Data(), statistics.maxima.data(), maxima.ByteLength());
        Napi::Float64Array rows = Napi::Float64Array::New(env, statistics.rows.size());
        for (size_t i = 0; i < statistics.rows.size(); ++i) rows[i] = static_cast<double>(statistics.rows[i]);
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("name", name);
        entry.Set("inputs", static_cast<double>(statistics.inputs));
        entry.Set("squareSums", sums);
        entry.Set("maxima", maxima);
        entry.Set("rows", rows);
        list.Set(list.Length(), entry);
      }
      return list;
    };
  });
}

/// secondMoments(calibrator, names, cancelFlag, onProgress | undefined) → { [name]: Float32Array }; names that share their
/// inputs share the array
Napi::Value second_moments(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  if (!info[1].IsArray()) arguments.fail("names", "is not an array");
  std::set<std::string> names;
  const auto given = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); ++i) names.insert(given.Get(i).ToString().Utf8Value());
  return start_with_calibrator(info, arguments, 2, [names](Calibrator& calibrator, JobControl& control) -> Job::Finish {
    auto found = std::make_shared<Calibrator::SecondMoments>(calibrator.second_moments(names, control));
    return [found](Napi::Env env) {
      std::vector<Napi::Float32Array> arrays;
      for (const auto& matrix : found->matrices) {
        arrays.push_back(Napi::Float32Array::New(env, matrix.size()));
        std::memcpy(arrays.back().Data(), matrix.data(), matrix.size() * sizeof(float));
      }
      Napi::Object result = Napi::Object::New(env);
      for (const auto& [name, index] : found->index) result.Set(name, arrays[index]);
      return result;
    };
  });
}

}  // namespace

void add_calibrate_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("openCalibrator", Napi::Function::New(env, open_calibrator));
  exports.Set("closeCalibrator", Napi::Function::New(env, close_calibrator));
  exports.Set("squareSums", Napi::Function::New(env, square_sums));
  exports.Set("secondMoments", Napi::Function::New(env, second_moments));
}

}  // namespace lathe
