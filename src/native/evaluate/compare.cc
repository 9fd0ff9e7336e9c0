#include "evaluate/compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "coded_error.h"
#include "evaluate/logits.h"
#include "evaluate/tokenize.h"
#include "evaluate/windows.h"
#include "kernels/workers.h"

namespace lathe {
namespace {

struct Compared {
  double source_loss;
  double loss;
  double kl;
  bool same_top;
};

Compared compare_one(const float* source, const float* variant, int64_t count, llama_token target) {
  const double source_total = log_sum_exp(source, count);
  const double variant_total = log_sum_exp(variant, count);
  double kl = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double log_p = static_cast<double>(source[i]) - source_total;
    // Below e^-70 a token weighs nothing; the test also keeps 0 · ∞ out where a logit is -∞.
    if (log_p > -70) kl += std::exp(log_p) * (log_p - (static_cast<double>(variant[i]) - variant_total));
  }
  const auto top = [&](const float* logits) { return std::max_element(logits, logits + count) - logits; };
  return {source_total - static_cast<double>(source[target]), variant_total - static_cast<double>(variant[target]),
          // Rounding can leave it a hair below zero.
          std::max(kl, 0.0), top(source) == top(variant)};
}

double percentile(const std::vector<double>& sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = place - static_cast<double>(below);
  return (1 - share) * sorted[below] + share * sorted[above];
}

}  // namespace

CompareResult compare(const GgmlApi& api, const CompareOptions& options, const std::string& text, JobControl& control) {
  const Model source(
      api, {options.source_path, options.gpu_layers, /*vocabulary_only=*/false, /*plain_layout=*/false, options.source_adapters},
      control);
  const Model variant(
      api, {options.variant_path, options.gpu_layers, /*vocabulary_only=*/false, /*plain_layout=*/false, options.variant_adapters},
      control);
  const std::vector<llama_token> tokens = tokenize(source, text, /*add_special=*/true, /*parse_special=*/false);
  // The same tokens for the same text, and as many: what is compared are numbers for the same token.
  if (api.llama_vocab_n_tokens(source.vocabulary()) != api.llama_vocab_n_tokens(variant.vocabulary()) ||
      tokenize(variant, text, /*add_special=*/true, /*parse_special=*/false) != tokens)
    throw CodedError("evaluate.otherVocabulary", {{"source", options.source_path}, {"variant", options.variant_path}});
  const WindowRun::Options run_options{options.context_length, options.threads, options.max_windows};
  WindowRun source_run(source, tokens, run_options, control);
  WindowRun variant_run(variant, tokens, run_options, control);
  Workers workers(options.threads);

  CompareResult result;
  result.windows = source_run.windows();
  double source_loss = 0, loss = 0, loss_squares = 0, kl_squares = 0;
  int64_t same_top = 0;
  std::vector<double> divergences;
  std::vector<Compared> batch;
  const double total = static_cast<double>(source_run.windows());
  control.report(0, total);
  while (source_run.next() && variant_run.next()) {
    const std::vector<Prediction>& expected = source_run.predictions();
    const std::vector<Prediction>& actual = variant_run.predictions();
    batch.resize(expected.size());
    workers.each(static_cast<int64_t>(expected.size()), [&](int64_t i) {
      const size_t at = static_cast<size_t>(i);
      batch[at] =
          compare_one(expected[at].logits, actual[at].logits, source_run.vocabulary_size(), expected[at].target);
    });
    for (const Compared& one : batch) {
      if (!std::isfinite(one.source_loss)) throw CodedError("evaluate.notFinite", {{"file", options.source_path}});
      if (!std::isfinite(one.loss) || !std::isfinite(one.kl))
        throw CodedError("evaluate.notFinite", {{"file", options.variant_path}});
      source_loss += one.source_loss;
      loss += one.loss;
      loss_squares += one.loss * one.loss;
      result.mean_kl += one.kl;
      kl_squares += one.kl * one.kl;
      same_top += one.same_top ? 1 : 0;
      divergences.push_back(one.kl);
    }
    control.report(static_cast<double>(source_run.windows_done()), total);
  }
  const double count = static_cast<double>(divergences.size());
  result.predictions = static_cast<int64_t>(divergences.size());
  result.source_perplexity = std::exp(source_loss / count);
  result.perplexity = std::exp(loss / count);
  // By the delta method, as in perplexity.cc.
  const double loss_variance = loss_squares / count - (loss / count) * (loss / count);
  if (loss_variance > 0 && count > 1)
    result.perplexity_error = result.perplexity * std::sqrt(loss_variance / (count - 1));
  result.mean_kl /= count;
  const double variance = kl_squares / count - result.mean_kl * result.mean_kl;
  if (variance > 0 && count > 1) result.kl_error = std::sqrt(variance / (count - 1));
  std::sort(divergences.begin(), divergences.end());
  result.median_kl = percentile(divergences, 0.5);
  result.kl_999 = percentile(divergences, 0.999);
  result.max_kl = divergences.back();
  result.top_one_agreement = static_cast<double>(same_top) / count;
  return result;
}

}  // namespace lathe
