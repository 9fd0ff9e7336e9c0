#include "evaluate/speed.h"

#include <ggml-cpu.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>

#include "coded_error.h"

namespace lathe {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Threads that stay between two graphs. Without them ggml starts and ends its threads for every token.
class ThreadPool {
 public:
  ThreadPool(const GgmlApi& api, int threads) {
    const ggml_backend_reg_t cpu = cpu_of(api);
    if (cpu == nullptr) return;
    const auto find = [&](const char* name) { return api.ggml_backend_reg_get_proc_address(cpu, name); };
    const auto make = reinterpret_cast<decltype(&ggml_threadpool_new)>(find("ggml_threadpool_new"));
    free_ = reinterpret_cast<decltype(&ggml_threadpool_free)>(find("ggml_threadpool_free"));
    if (make == nullptr || free_ == nullptr) return;
    ggml_threadpool_params params = api.ggml_threadpool_params_default(threads);
    pool_ = make(&params);
  }
  ~ThreadPool() {
    if (pool_ != nullptr) free_(pool_);
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Null where the library has none.
  ggml_threadpool_t get() const { return pool_; }

 private:
  static ggml_backend_reg_t cpu_of(const GgmlApi& api) {
    for (size_t i = 0; i < api.ggml_backend_dev_count(); ++i) {
      const ggml_backend_dev_t device = api.ggml_backend_dev_get(i);
      if (api.ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU)
        return api.ggml_backend_dev_backend_reg(device);
    }
    return nullptr;
  }

  decltype(&ggml_threadpool_free) free_ = nullptr;
  ggml_threadpool_t pool_ = nullptr;
};

/// A context for one measurement.
class Bench {
 public:
  Bench(const Model& model, const SpeedOptions& options, int32_t measured, const JobControl& control)
      : model_(model),
        api_(model.api()),
        options_(options),
        control_(control),
        pool_(model.api(), options.threads),
        context_(nullptr, model.api().llama_free),
        vocabulary_size_(model.api().llama_vocab_n_tokens(model.vocabulary())) {
    llama_context_params params = api_.llama_context_default_params();
    params.n_ctx = static_cast<uint32_t>(options.depth + measured);
    params.n_batch = static_cast<uint32_t>(options.batch);
    params.n_ubatch = static_cast<uint32_t>(std::min(options.ubatch, options.batch));
    params.type_k = options.key_type;
    params.type_v = options.value_type;
    params.flash_attn_type = options.flash_attention;
    params.n_threads = params.n_threads_batch = options.threads;
    params.no_perf = true;
    params.swa_full = false;
    params.abort_callback = [](void* data) {
      return static_cast<const JobControl*>(data)->cancelled().load(std::memory_order_relaxed);
    };
    params.abort_callback_data = const_cast<JobControl*>(&control);
    context_ = model.open_context(params);
    if (pool_.get() != nullptr) api_.llama_attach_threadpool(context_.get(), pool_.get(), nullptr);
  }

  /// An empty context, but for the tokens that are to be there before.
  void prepare() {
    api_.llama_memory_clear(api_.llama_get_memory(context_.get()), /*data=*/false);
    is_first_ = true;
    read(options_.depth);
  }

  /// In batches; done when the last is computed.
  void read(int32_t count) {
    std::vector<llama_token> tokens(static_cast<size_t>(options_.batch));
    for (int32_t done = 0; done < count;) {
      const int32_t size = std::min(count - done, options_.batch);
      for (int32_t i = 0; i < size; ++i) tokens[static_cast<size_t>(i)] = next();
      decode(tokens.data(), size);
      done += size;
    }
    api_.llama_synchronize(context_.get());
  }

  /// One by one.
  void write(int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
      llama_token token = next();
      decode(&token, 1);
      api_.llama_synchronize(context_.get());
    }
  }

 private:
  llama_token next() {
    const bool begins = std::exchange(is_first_, false) && api_.llama_vocab_get_add_bos(model_.vocabulary());
    if (begins) return api_.llama_vocab_bos(model_.vocabulary());
    return static_cast<llama_token>(random_() % static_cast<uint32_t>(vocabulary_size_));
  }

  void decode(llama_token* tokens, int32_t count) {
    const ProblemLog log;
    const int32_t status = api_.llama_decode(context_.get(), api_.llama_batch_get_one(tokens, count));
    control_.stop_if_cancelled();
    if (status != 0) throw CodedError("evaluate.decodeFailed", {{"status", static_cast<double>(status)}}, log.text());
  }

  const Model& model_;
  const GgmlApi& api_;
  const SpeedOptions& options_;
  const JobControl& control_;
  // Freed after the context that uses it.
  ThreadPool pool_;
  std::unique_ptr<llama_context, decltype(&llama_free)> context_;
  int32_t vocabulary_size_;
  bool is_first_ = true;
  std::mt19937 random_;  // the same tokens each time
};

void check(const Model& model, const SpeedOptions& options) {
  const GgmlApi& api = model.api();
  if (api.llama_model_has_encoder(model.get()) || !api.llama_model_has_decoder(model.get()))
    throw CodedError("evaluate.notGenerative", {{"file", model.file_name()}});
  // Beyond it a model with learned positions has no numbers to look up, which ends the process.
  const int64_t longest = api.llama_model_n_ctx_train(model.get());
  const int64_t needed = int64_t{options.depth} + std::max(options.prompt_tokens, options.new_tokens);
  if (needed > longest)
    throw CodedError(
        "evaluate.contextLength",
        {{"contextLength", static_cast<double>(needed)}, {"least", 1.0}, {"limit", static_cast<double>(longest)}});
  if (options.flash_attention == LLAMA_FLASH_ATTN_TYPE_DISABLED && api.ggml_is_quantized(options.value_type))
    throw CodedError("evaluate.quantizedValues", {{"type", std::string(api.ggml_type_name(options.value_type))}});
}

}  // namespace

SpeedResult measure_speed(const GgmlApi& api, const SpeedOptions& options, JobControl& control) {
  SpeedResult result;
  const Clock::time_point loading = Clock::now();
  const Model model(
      api,
      {options.model_path, options.gpu_layers, /*vocabulary_only=*/false, /*plain_layout=*/false, options.adapters},
      control);
  result.load_seconds = seconds_since(loading);
  check(model, options);

  const double steps =
      (options.prompt_tokens > 0 ? options.repetitions : 0) + (options.new_tokens > 0 ? options.repetitions : 0);
  double done = 0;
  const auto repeat = [&](std::vector<double>& seconds, std::vector<double>* starts, Bench& bench, const auto& run) {
    for (int32_t repetition = 0; repetition < options.repetitions; ++repetition) {
      control.report(done++, steps);
      bench.prepare();
      const Clock::time_point start = Clock::now();
      run();
      seconds.push_back(seconds_since(start));
      if (starts != nullptr) starts->push_back(std::chrono::duration<double>(start.time_since_epoch()).count());
    }
  };
  if (options.prompt_tokens > 0) {
    Bench bench(model, options, options.prompt_tokens, control);
    bench.read(options.prompt_tokens);
    repeat(result.prompt_seconds, nullptr, bench, [&] { bench.read(options.prompt_tokens); });
  }
  if (options.new_tokens > 0) {
    Bench bench(model, options, options.new_tokens, control);
    bench.write(1);
    repeat(result.new_seconds, &result.new_starts, bench, [&] { bench.write(options.new_tokens); });
  }
  control.report(steps, steps);
  return result;
}

}  // namespace lathe
