#include "job.h"

#include <new>

namespace lathe {
namespace {

/// People and the wire have no use for more.
constexpr auto kProgressInterval = std::chrono::milliseconds(50);

// Random, so that no other addon's handle passes for ours.
constexpr napi_type_tag kCancelFlagTag = {0x8d1c5b6f02e94a37u, 0xb1f7d9e3406c2a58u};

}  // namespace

Napi::Error to_js_error(Napi::Env env, const CodedError& error) {
  Napi::Error result = Napi::Error::New(env, error.code());
  Napi::Object params = Napi::Object::New(env);
  for (const auto& [name, value] : error.params()) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      params.Set(name, Napi::String::New(env, *text));
    } else {
      params.Set(name, Napi::Number::New(env, std::get<double>(value)));
    }
  }
  result.Set("code", Napi::String::New(env, error.code()));
  result.Set("params", params);
  if (!error.detail().empty()) result.Set("detail", Napi::String::New(env, error.detail()));
  return result;
}

CodedError current_error() {
  try {
    throw;
  } catch (const CodedError& error) {
    return error;
  } catch (const Cancelled&) {
    return CodedError("request.cancelled");
  } catch (const std::bad_alloc&) {
    return CodedError("native.outOfMemory");
  } catch (const std::exception& error) {
    return CodedError("internal.unexpected", {{"problem", std::string(error.what())}});
  } catch (...) {
    return CodedError("internal.unexpected", {{"problem", std::string("an unknown exception")}});
  }
}

Napi::Value create_cancel_flag(Napi::Env env) {
  auto external = Napi::External<CancelFlag>::New(env, new CancelFlag(std::make_shared<std::atomic<bool>>(false)),
                                                  [](Napi::Env, CancelFlag* flag) { delete flag; });
  external.TypeTag(&kCancelFlagTag);
  return external;
}

CancelFlag cancel_flag_of(Napi::Value handle) {
  if (!handle.IsExternal() || !handle.As<Napi::External<CancelFlag>>().CheckTypeTag(&kCancelFlagTag))
    throw Napi::TypeError::New(handle.Env(), "not a cancel flag");
  return *handle.As<Napi::External<CancelFlag>>().Data();
}

Napi::Promise Job::start(Napi::Env env, const Options& options, Work work) {
  Job* job = new Job(env, options, std::move(work));
  const Napi::Promise promise = job->deferred_.Promise();
  job->Queue();
  return promise;
}

Job::Job(Napi::Env env, const Options& options, Work work)
    : Napi::AsyncWorker(env, "lathe"),
      deferred_(Napi::Promise::Deferred::New(env)),
      cancel_(options.cancel != nullptr ? options.cancel : std::make_shared<std::atomic<bool>>(false)),
      work_(std::move(work)) {
  for (const Napi::Value& input : options.inputs) inputs_.push_back(Napi::Reference<Napi::Value>::New(input, 1));
  if (options.on_progress.IsEmpty()) return;
  on_progress_ = Napi::Persistent(options.on_progress);
  progress_call_ = ProgressCall::New(env, options.on_progress, "lathe progress", 0, 1, this);
}

void Job::Execute() {
  try {
    finish_ = work_(*this);
  } catch (...) {
    failure_ = current_error();
  }
  // Whatever it holds, such as a model, is given back before anyone hears of the end.
  work_ = nullptr;
}

void Job::OnOK() {
  const Napi::Env env = Env();
  try {
    if (!on_progress_.IsEmpty()) {
      progress_call_.Abort();
      call_progress(env, on_progress_.Value());
    }
    if (failure_) {
      deferred_.Reject(to_js_error(env, *failure_).Value());
    } else {
      deferred_.Resolve(finish_(env));
    }
  } catch (const Napi::Error& error) {
    deferred_.Reject(error.Value());
  } catch (...) {
    deferred_.Reject(to_js_error(env, current_error()).Value());
  }
}

void Job::report(double amount, double total) {
  std::lock_guard lock(mutex_);
  amount_ = amount;
  total_ = total;
  has_news_ = true;
  const auto now = std::chrono::steady_clock::now();
  if (on_progress_.IsEmpty() || is_calling_ || now - last_call_ < kProgressInterval) return;
  last_call_ = now;
  is_calling_ = progress_call_.NonBlockingCall() == napi_ok;
}

void Job::call_progress(Napi::Env env, Napi::Function callback) {
  double amount, total;
  {
    std::lock_guard lock(mutex_);
    is_calling_ = false;
    if (!has_news_) return;
    has_news_ = false;
    amount = amount_;
    total = total_;
  }
  callback.Call({Napi::Number::New(env, amount), Napi::Number::New(env, total)});
}

void Job::progress_arrived(Napi::Env env, Napi::Function callback, Job* job, void*) {
  // Without an environment the function is being closed, and the job may be gone.
  if (static_cast<napi_env>(env) != nullptr) job->call_progress(env, callback);
}

}  // namespace lathe
