#pragma once

#include <napi.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "coded_error.h"
#include "job_control.h"

namespace lathe {

/// An Error with `code`, `params` and, where there is one, `detail`: what src/engine/native.ts makes an AppError of.
Napi::Error to_js_error(Napi::Env env, const CodedError& error);

/// The exception that is being handled, as one with a code.
CodedError current_error();

/// What JavaScript raises to stop a job, as an opaque handle.
using CancelFlag = std::shared_ptr<std::atomic<bool>>;
Napi::Value create_cancel_flag(Napi::Env env);
/// Throws a TypeError for anything else.
CancelFlag cancel_flag_of(Napi::Value handle);

/// Work for one of libuv's threads, and the promise of its result. It owns itself, and ends after the promise is
/// settled.
class Job : private Napi::AsyncWorker, private JobControl {
 public:
  /// Makes the result's JavaScript value, back on JavaScript's thread.
  using Finish = std::function<Napi::Value(Napi::Env)>;
  using Work = std::function<Finish(JobControl&)>;

  struct Options {
    /// Values whose memory the work uses: they are kept until it ends.
    std::vector<Napi::Value> inputs;
    CancelFlag cancel;
    /// Called with (amount, total) on JavaScript's thread; may be empty. What was reported last always comes before the
    /// promise is settled; in between at most every 50 ms.
    Napi::Function on_progress;
  };

  /// Every exception of `work` rejects the promise with to_js_error.
  static Napi::Promise start(Napi::Env env, const Options& options, Work work);

 private:
  Job(Napi::Env env, const Options& options, Work work);

  void Execute() override;
  void OnOK() override;

  void report(double amount, double total) override;
  const std::atomic<bool>& cancelled() const override { return *cancel_; }
  void call_progress(Napi::Env env, Napi::Function callback);

  static void progress_arrived(Napi::Env env, Napi::Function callback, Job* job, void*);
  using ProgressCall = Napi::TypedThreadSafeFunction<Job, void, progress_arrived>;

  Napi::Promise::Deferred deferred_;
  std::vector<Napi::Reference<Napi::Value>> inputs_;
  CancelFlag cancel_;
  Work work_;
  Finish finish_;
  std::optional<CodedError> failure_;

  Napi::FunctionReference on_progress_;
  ProgressCall progress_call_;
  std::mutex mutex_;  // of what follows
  double amount_ = 0, total_ = 0;
  bool has_news_ = false;
  bool is_calling_ = false;
  std::chrono::steady_clock::time_point last_call_{};
};

}  // namespace lathe
