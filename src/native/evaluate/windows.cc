#include "evaluate/windows.h"

#include <algorithm>

#include "coded_error.h"

namespace lathe {
namespace {

/// Tokens of one decode, and of one step within it, as llama-perplexity has them by default: the last digits of a
/// result depend on them.
constexpr int64_t kBatchTokens = 2048;
constexpr int64_t kStepTokens = 512;

/// The most memory for the logits of one batch; with a vocabulary of 150,000, one position takes 0.6 MB.
constexpr int64_t kLogitsBytes = int64_t{256} << 20;

/// Of llama.cpp's src/llama-cparams.h (LLAMA_MAX_SEQ).
constexpr int64_t kMaxSequences = 256;

/// One prediction that counts per window.
constexpr int64_t kLeastContext = 4;

}  // namespace

WindowRun::WindowRun(const Model& model, const std::vector<llama_token>& tokens, const Options& options,
                     const JobControl& control)
    : model_(model),
      api_(model.api()),
      tokens_(tokens),
      control_(control),
      context_length_(options.context_length),
      max_windows_(options.max_windows),
      first_scored_(options.context_length / 2),
      vocabulary_size_(model.api().llama_vocab_n_tokens(model.vocabulary())),
      plan_(make_plan()),
      context_(nullptr, model.api().llama_free),
      batch_(model.api(), plan_.batch_tokens) {
  llama_context_params params = api_.llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(plan_.windows_per_batch * context_length_);
  params.n_seq_max = static_cast<uint32_t>(plan_.windows_per_batch);
  params.n_batch = static_cast<uint32_t>(plan_.batch_tokens);
  params.n_ubatch = static_cast<uint32_t>(std::min(plan_.batch_tokens, kStepTokens));
  params.n_threads = options.threads;
  params.n_threads_batch = options.threads;
  params.no_perf = true;
  params.abort_callback = [](void* data) {
    return static_cast<const JobControl*>(data)->cancelled().load(std::memory_order_relaxed);
  };
  params.abort_callback_data = const_cast<JobControl*>(&control);
  context_ = model.open_context(params);
}

WindowRun::Plan WindowRun::make_plan() const {
  if (api_.llama_model_has_encoder(model_.get()) || !api_.llama_model_has_decoder(model_.get()))
    throw CodedError("evaluate.notGenerative", {{"file", model_.file_name()}});
  // Beyond it a model with learned positions has no numbers to look up, which ends the process.
  const int64_t longest = api_.llama_model_n_ctx_train(model_.get());
  if (context_length_ < kLeastContext || context_length_ > longest)
    throw CodedError("evaluate.contextLength", {{"contextLength", static_cast<double>(context_length_)},
                                                {"least", static_cast<double>(kLeastContext)},
                                                {"limit", static_cast<double>(longest)}});
  Plan plan;
  plan.windows = static_cast<int64_t>(tokens_.size()) / context_length_;
  if (plan.windows == 0)
    throw CodedError("evaluate.textTooShort", {{"tokens", static_cast<double>(tokens_.size())},
                                               {"needed", static_cast<double>(context_length_)}});
  if (max_windows_ > 0) plan.windows = std::min(plan.windows, max_windows_);
  const int64_t rows = std::max<int64_t>(1, kLogitsBytes / (vocabulary_size_ * static_cast<int64_t>(sizeof(float))));
  if (context_length_ <= kBatchTokens && predictions_per_window() <= rows) {
    const int64_t at_a_time = std::min(kBatchTokens / context_length_, rows / predictions_per_window());
    plan.windows_per_batch = std::clamp<int64_t>(at_a_time, 1, std::min(plan.windows, kMaxSequences));
    plan.batch_tokens = plan.windows_per_batch * context_length_;
  } else {
    plan.batch_tokens = std::min({context_length_, kBatchTokens, rows});
  }
  return plan;
}

void WindowRun::add_to_batch(int64_t window, int64_t from, int64_t to, llama_seq_id sequence) {
  const llama_token* tokens = tokens_.data() + window * context_length_;
  const bool add_bos = api_.llama_vocab_get_add_bos(model_.vocabulary());
  for (int64_t position = from; position < to; ++position) {
    const bool is_bos = position == 0 && add_bos;
    const bool counts = position >= first_scored_ && position < context_length_ - 1;
    batch_.add(is_bos ? api_.llama_vocab_bos(model_.vocabulary()) : tokens[position], position, sequence, counts);
    // Where the logits lie is known after decoding.
    if (counts) predictions_.push_back({tokens[position + 1], nullptr});
  }
}

bool WindowRun::next() {
  predictions_.clear();
  if (next_window_ == plan_.windows) return false;
  control_.stop_if_cancelled();
  if (next_position_ == 0) api_.llama_memory_clear(api_.llama_get_memory(context_.get()), true);
  batch_.clear();
  if (plan_.batch_tokens < context_length_) {
    const int64_t end = std::min(context_length_, next_position_ + plan_.batch_tokens);
    add_to_batch(next_window_, next_position_, end, 0);
    next_position_ = end % context_length_;
    if (next_position_ == 0) ++next_window_;
  } else {
    const int64_t windows = std::min(plan_.windows_per_batch, plan_.windows - next_window_);
    for (int64_t i = 0; i < windows; ++i)
      add_to_batch(next_window_ + i, 0, context_length_, static_cast<llama_seq_id>(i));
    next_window_ += windows;
  }

  const ProblemLog log;
  const int32_t status = api_.llama_decode(context_.get(), batch_.get());
  control_.stop_if_cancelled();
  if (status != 0) throw CodedError("evaluate.decodeFailed", {{"status", static_cast<double>(status)}}, log.text());
  api_.llama_synchronize(context_.get());
  auto prediction = predictions_.begin();
  for (int32_t i = 0; i < batch_.size(); ++i) {
    if (!batch_.wants_logits(i)) continue;
    prediction->logits = api_.llama_get_logits_ith(context_.get(), i);
    if (prediction->logits == nullptr) throw CodedError("evaluate.notGenerative", {{"file", model_.file_name()}});
    ++prediction;
  }
  return true;
}

}  // namespace lathe
