#include "evaluate/perplexity.h"

#include <cmath>

#include "coded_error.h"
#include "evaluate/logits.h"
#include "evaluate/tokenize.h"
#include "evaluate/windows.h"
#include "kernels/workers.h"

namespace lathe {
namespace {

/// -log softmax(logits)[target].
double negative_log_likelihood(const float* logits, int64_t count, llama_token target) {
  return log_sum_exp(logits, count) - static_cast<double>(logits[target]);
}

}  // namespace

PerplexityResult perplexity(const GgmlApi& api, const PerplexityOptions& options, const std::string& text,
                            JobControl& control) {
  const Model model(
      api,
      {options.model_path, options.gpu_layers, /*vocabulary_only=*/false, /*plain_layout=*/false, options.adapters},
      control);
  const std::vector<llama_token> tokens = tokenize(model, text, /*add_special=*/true, /*parse_special=*/false);
  WindowRun run(model, tokens, {options.context_length, options.threads, options.max_windows}, control);
  Workers workers(options.threads);

  PerplexityResult result;
  result.windows = run.windows();
  result.text_tokens = static_cast<int64_t>(tokens.size());
  double sum = 0, sum_of_squares = 0;
  std::vector<double> losses;
  control.report(0, static_cast<double>(run.windows()));
  while (run.next()) {
    const std::vector<Prediction>& predictions = run.predictions();
    losses.resize(predictions.size());
    workers.each(static_cast<int64_t>(predictions.size()), [&](int64_t i) {
      const auto& [target, logits] = predictions[static_cast<size_t>(i)];
      losses[static_cast<size_t>(i)] = negative_log_likelihood(logits, run.vocabulary_size(), target);
    });
    for (double loss : losses) {
      if (!std::isfinite(loss)) throw CodedError("evaluate.notFinite", {{"file", model.file_name()}});
      sum += loss;
      sum_of_squares += loss * loss;
    }
    result.predictions += static_cast<int64_t>(predictions.size());
    control.report(static_cast<double>(run.windows_done()), static_cast<double>(run.windows()));
  }
  const double count = static_cast<double>(result.predictions);
  const double mean = sum / count;
  result.nll = mean;
  result.perplexity = std::exp(mean);
  const double variance = sum_of_squares / count - mean * mean;
  // By the delta method: the error of exp(mean) is exp(mean) times that of the mean.
  if (variance > 0 && count > 1) result.standard_error = result.perplexity * std::sqrt(variance / (count - 1));
  return result;
}

}  // namespace lathe
