#pragma once

#include <memory>
#include <vector>

#include "evaluate/model.h"

namespace lathe {

/// One prediction that counts: the logits [vocabulary] from which the model had to tell `target`.
struct Prediction {
  llama_token target;
  const float* logits;
};

/// A llama_batch and its memory.
class Batch {
 public:
  Batch(const GgmlApi& api, int64_t tokens)
      : api_(api), batch_(api.llama_batch_init(static_cast<int32_t>(tokens), 0, 1)) {}
  ~Batch() { api_.llama_batch_free(batch_); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void clear() { batch_.n_tokens = 0; }
  int32_t size() const { return batch_.n_tokens; }
  bool wants_logits(int32_t i) const { return batch_.logits[i] != 0; }
  const llama_batch& get() const { return batch_; }

  void add(llama_token token, int64_t position, llama_seq_id sequence, bool wants_logits) {
    const int32_t i = batch_.n_tokens++;
    batch_.token[i] = token;
    batch_.pos[i] = static_cast<llama_pos>(position);
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = sequence;
    batch_.logits[i] = wants_logits;
  }

 private:
  const GgmlApi& api_;
  llama_batch batch_;
};

/// Lets a model predict a text, with the windows of llama.cpp's tools/perplexity: the tokens are cut into windows of
/// `context_length`, an incomplete last one is dropped; the first token of each is replaced by BOS where the model adds
/// one; predictions count in the second half only, made at positions context_length / 2 to context_length - 2. Windows
/// do not see each other. Several are decoded at a time where they are short.
///
/// Runs of two models that share a vocabulary, with the same tokens and context length, go in step: each call of `next`
/// gives the same predictions of both.
class WindowRun {
 public:
  struct Options {
    int32_t context_length = 0;
    int threads = 1;
    int64_t max_windows = 0;  // 0: the whole text
  };

  /// `tokens` is used as long as the run lives. Throws CodedError evaluate.contextLength, evaluate.textTooShort,
  /// evaluate.notGenerative, engine.insufficientMemory.
  WindowRun(const Model& model, const std::vector<llama_token>& tokens, const Options& options,
            const JobControl& control);

  int64_t windows() const { return plan_.windows; }
  int64_t windows_done() const { return next_window_; }
  int64_t predictions_per_window() const { return context_length_ - 1 - first_scored_; }
  int64_t vocabulary_size() const { return vocabulary_size_; }

  /// Decode one batch; false when all windows are done. Throws Cancelled; CodedError evaluate.decodeFailed.
  bool next();

  /// Of the batch just decoded, in the order of the text; none while a long window is in its first half. Valid until
  /// `next`.
  const std::vector<Prediction>& predictions() const { return predictions_; }

 private:
  struct Plan {
    int64_t windows = 0;            // in the whole text
    int64_t windows_per_batch = 1;  // decoded at a time
    int64_t batch_tokens = 0;       // less than the context length where a window takes several batches
  };
  Plan make_plan() const;
  void add_to_batch(int64_t window, int64_t from, int64_t to, llama_seq_id sequence);

  const Model& model_;
  const GgmlApi& api_;
  const std::vector<llama_token>& tokens_;
  const JobControl& control_;
  const int64_t context_length_;
  const int64_t max_windows_;
  const int64_t first_scored_;
  const int64_t vocabulary_size_;
  const Plan plan_;
  int64_t next_window_ = 0;
  int64_t next_position_ = 0;  // in a window that takes several batches
  std::unique_ptr<llama_context, decltype(&llama_free)> context_;
  Batch batch_;
  std::vector<Prediction> predictions_;
};

}  // namespace lathe
