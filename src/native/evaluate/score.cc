#include "evaluate/score.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "coded_error.h"
#include "evaluate/logits.h"
#include "evaluate/tokenize.h"
#include "evaluate/windows.h"

namespace lathe {
namespace {

/// Tokens of one decode: bounds the memory for their logits, 0.6 MB each with a vocabulary of 150,000.
constexpr size_t kBatchTokens = 512;

/// A pair as tokens: the answer's begin at `answer`, which is never the first, since nothing would predict it.
struct Tokens {
  std::vector<llama_token> all;
  size_t answer;
};

size_t common_beginning(const std::vector<llama_token>& a, const std::vector<llama_token>& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

Tokens tokens_of(const Model& model, const Pair& pair) {
  Tokens found{tokenize(model, pair.text + pair.answer, /*add_special=*/true, /*parse_special=*/false), 0};
  const GgmlApi& api = model.api();
  if (api.llama_vocab_get_add_eos(model.vocabulary()) && !found.all.empty()) found.all.pop_back();
  const std::vector<llama_token> text = tokenize(model, pair.text, /*add_special=*/true, /*parse_special=*/false);
  if (found.all.size() < 2) {
    // An answer of one token after nothing, to a model without BOS.
    throw CodedError("evaluate.textTooShort", {{"tokens", static_cast<double>(found.all.size())}, {"needed", 2.0}});
  }
  found.answer = std::clamp<size_t>(common_beginning(text, found.all), 1, found.all.size() - 1);
  return found;
}

class Scorer {
 public:
  Scorer(const Model& model, const ScoreOptions& options, size_t longest, const JobControl& control)
      : model_(model),
        api_(model.api()),
        control_(control),
        vocabulary_size_(api_.llama_vocab_n_tokens(model.vocabulary())),
        context_(nullptr, api_.llama_free),
        batch_(api_, static_cast<int64_t>(kBatchTokens)) {
    llama_context_params params = api_.llama_context_default_params();
    params.n_ctx = static_cast<uint32_t>(longest);
    params.n_batch = params.n_ubatch = kBatchTokens;
    params.n_threads = params.n_threads_batch = options.threads;
    params.no_perf = true;
    // A state cannot be cut back where a sliding window has let go of what lies before.
    params.swa_full = true;
    params.abort_callback = [](void* data) {
      return static_cast<const JobControl*>(data)->cancelled().load(std::memory_order_relaxed);
    };
    params.abort_callback_data = const_cast<JobControl*>(&control);
    context_ = model.open_context(params);
  }

  Score score(const Tokens& tokens) {
    Score score;
    const std::vector<llama_token>& all = tokens.all;
    size_t position = keep(all, std::min(common_beginning(held_, all), tokens.answer - 1));
    // The last token predicts nothing that is asked for.
    while (position + 1 < all.size()) {
      const size_t end = std::min(position + kBatchTokens, all.size() - 1);
      batch_.clear();
      for (size_t i = position; i < end; ++i)
        batch_.add(all[i], static_cast<int64_t>(i), 0, /*wants_logits=*/i + 1 >= tokens.answer);
      decode();
      for (size_t i = position; i < end; ++i)
        if (i + 1 >= tokens.answer) add(score, static_cast<int32_t>(i - position), all[i + 1]);
      held_.insert(held_.end(), all.begin() + static_cast<int64_t>(position), all.begin() + static_cast<int64_t>(end));
      position = end;
    }
    return score;
  }

 private:
  /// Cut the context's state back to its first tokens, or begin anew where the model has no such state (recurrent
  /// ones). Returns how many are there.
  size_t keep(const std::vector<llama_token>& tokens, size_t count) {
    const llama_memory_t memory = api_.llama_get_memory(context_.get());
    if (count == 0 || !api_.llama_memory_seq_rm(memory, 0, static_cast<llama_pos>(count), -1)) {
      api_.llama_memory_clear(memory, true);
      count = 0;
    }
    held_.assign(tokens.begin(), tokens.begin() + static_cast<int64_t>(count));
    return count;
  }

  void decode() {
    control_.stop_if_cancelled();
    const ProblemLog log;
    const int32_t status = api_.llama_decode(context_.get(), batch_.get());
    control_.stop_if_cancelled();
    if (status != 0) throw CodedError("evaluate.decodeFailed", {{"status", static_cast<double>(status)}}, log.text());
    api_.llama_synchronize(context_.get());
  }

  void add(Score& score, int32_t place, llama_token target) {
    const float* logits = api_.llama_get_logits_ith(context_.get(), place);
    if (logits == nullptr) throw CodedError("evaluate.notGenerative", {{"file", model_.file_name()}});
    const double likelihood = static_cast<double>(logits[target]) - log_sum_exp(logits, vocabulary_size_);
    if (!std::isfinite(likelihood)) throw CodedError("evaluate.notFinite", {{"file", model_.file_name()}});
    score.log_likelihood += likelihood;
    ++score.tokens;
    score.is_likeliest &= logits[target] >= *std::max_element(logits, logits + vocabulary_size_);
  }

  const Model& model_;
  const GgmlApi& api_;
  const JobControl& control_;
  int64_t vocabulary_size_;
  std::unique_ptr<llama_context, decltype(&llama_free)> context_;
  Batch batch_;
  std::vector<llama_token> held_;  // what the context's state is of
};

}  // namespace

std::vector<Score> score_answers(const GgmlApi& api, const ScoreOptions& options, const std::vector<Pair>& pairs,
                                 JobControl& control) {
  const Model model(
      api,
      {options.model_path, options.gpu_layers, /*vocabulary_only=*/false, /*plain_layout=*/false, options.adapters},
      control);
  if (api.llama_model_has_encoder(model.get()) || !api.llama_model_has_decoder(model.get()))
    throw CodedError("evaluate.notGenerative", {{"file", model.file_name()}});
  std::vector<Tokens> tokens;
  size_t longest = 1;
  for (const Pair& pair : pairs) {
    control.stop_if_cancelled();
    tokens.push_back(tokens_of(model, pair));
    longest = std::max(longest, tokens.back().all.size());
  }
  // Beyond it a model with learned positions has no numbers to look up, which ends the process.
  const size_t limit = static_cast<size_t>(api.llama_model_n_ctx_train(model.get()));
  if (longest > limit)
    throw CodedError("evaluate.contextLength", {{"contextLength", static_cast<double>(longest)},
                                                {"least", 1.0},
                                                {"limit", static_cast<double>(limit)}});
  Scorer scorer(model, options, longest, control);
  std::vector<Score> scores;
  const double total = static_cast<double>(pairs.size());
  control.report(0, total);
  for (const Tokens& each : tokens) {
    scores.push_back(scorer.score(each));
    control.report(static_cast<double>(scores.size()), total);
  }
  return scores;
}

}  // namespace lathe
