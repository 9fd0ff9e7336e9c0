#include "evaluate/continue.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>

#include "coded_error.h"
#include "evaluate/tokenize.h"
#include "evaluate/windows.h"

namespace lathe {
namespace {

/// Bytes that a token stands for, at most, where nothing else is known; the call says when it needs more.
constexpr size_t kTokenBytes = 16;

std::string text_of(const Model& model, const llama_token* tokens, size_t count) {
  std::string text(count * kTokenBytes, '\0');
  const auto run = [&] {
    return model.api().llama_detokenize(model.vocabulary(), tokens, static_cast<int32_t>(count), text.data(),
                                        static_cast<int32_t>(text.size()), /*remove_special=*/false,
                                        /*unparse_special=*/false);
  };
  int32_t size = run();
  if (size < 0) {
    text.resize(static_cast<size_t>(-size));
    size = run();
  }
  text.resize(static_cast<size_t>(std::max(size, 0)));
  return text;
}

/// Whether a word begins with a token: it carries the space before it.
bool begins_word(const Model& model, llama_token token) {
  std::array<char, 64> piece;
  const int32_t size = model.api().llama_token_to_piece(model.vocabulary(), token, piece.data(),
                                                        static_cast<int32_t>(piece.size()), /*lstrip=*/0,
                                                        /*special=*/false);
  return size > 0 && (piece[0] == ' ' || piece[0] == '\n');
}

/// The part of a place [from, to) that a reader is shown and a model goes on from: `most` tokens, moved to the first
/// word that begins in the place and cut before one, where there is one. Languages without spaces stay as they are.
std::span<const llama_token> prompt_in(const Model& model, std::span<const llama_token> tokens, size_t from, size_t to,
                                       size_t most) {
  for (size_t start = from; start + most <= to; ++start)
    if (begins_word(model, tokens[start])) {
      from = start;
      break;
    }
  for (size_t count = most; count > most / 2; --count)
    if (from + count < tokens.size() && begins_word(model, tokens[from + count])) return tokens.subspan(from, count);
  return tokens.subspan(from, most);
}

class Generator {
 public:
  Generator(const Model& model, const ContinueOptions& options, const JobControl& control)
      : model_(model),
        api_(model.api()),
        control_(control),
        context_(nullptr, model.api().llama_free),
        batch_(model.api(), length_of(options)) {
    llama_context_params params = api_.llama_context_default_params();
    params.n_ctx = static_cast<uint32_t>(length_of(options));
    params.n_batch = params.n_ubatch = params.n_ctx;
    params.n_threads = params.n_threads_batch = options.threads;
    params.no_perf = true;
    params.abort_callback = [](void* data) {
      return static_cast<const JobControl*>(data)->cancelled().load(std::memory_order_relaxed);
    };
    params.abort_callback_data = const_cast<JobControl*>(&control);
    context_ = model.open_context(params);
  }

  /// BOS, the prompt and what follows it.
  static int64_t length_of(const ContinueOptions& options) {
    return int64_t{1} + options.prompt_tokens + options.new_tokens;
  }

  std::vector<llama_token> run(std::span<const llama_token> prompt, int32_t most) {
    api_.llama_memory_clear(api_.llama_get_memory(context_.get()), true);
    batch_.clear();
    int64_t position = 0;
    if (api_.llama_vocab_get_add_bos(model_.vocabulary()))
      batch_.add(api_.llama_vocab_bos(model_.vocabulary()), position++, 0, false);
    for (size_t i = 0; i < prompt.size(); ++i) batch_.add(prompt[i], position++, 0, i + 1 == prompt.size());
    std::vector<llama_token> made;
    while (true) {
      const llama_token token = likeliest_next();
      if (api_.llama_vocab_is_eog(model_.vocabulary(), token)) return made;
      made.push_back(token);
      if (static_cast<int32_t>(made.size()) == most) return made;
      batch_.clear();
      batch_.add(token, position++, 0, true);
    }
  }

 private:
  llama_token likeliest_next() {
    control_.stop_if_cancelled();
    const ProblemLog log;
    const int32_t status = api_.llama_decode(context_.get(), batch_.get());
    control_.stop_if_cancelled();
    if (status != 0) throw CodedError("evaluate.decodeFailed", {{"status", static_cast<double>(status)}}, log.text());
    api_.llama_synchronize(context_.get());
    const float* logits = api_.llama_get_logits_ith(context_.get(), batch_.size() - 1);
    if (logits == nullptr) throw CodedError("evaluate.notGenerative", {{"file", model_.file_name()}});
    const float* const end = logits + api_.llama_vocab_n_tokens(model_.vocabulary());
    // A comparison with NaN is false, so one would hide among the others.
    if (std::any_of(logits, end, [](float logit) { return std::isnan(logit); }))
      throw CodedError("evaluate.notFinite", {{"file", model_.file_name()}});
    return static_cast<llama_token>(std::max_element(logits, end) - logits);
  }

  const Model& model_;
  const GgmlApi& api_;
  const JobControl& control_;
  std::unique_ptr<llama_context, decltype(&llama_free)> context_;
  Batch batch_;
};

}  // namespace

std::vector<Continuation> continue_text(const GgmlApi& api, const ContinueOptions& options, const std::string& text,
                                        JobControl& control) {
  const Model model(
      api,
      {options.model_path, options.gpu_layers, /*vocabulary_only=*/false, /*plain_layout=*/false, options.adapters},
      control);
  if (api.llama_model_has_encoder(model.get()) || !api.llama_model_has_decoder(model.get()))
    throw CodedError("evaluate.notGenerative", {{"file", model.file_name()}});
  // Beyond it a model with learned positions has no numbers to look up, which ends the process.
  const int64_t longest = api.llama_model_n_ctx_train(model.get());
  if (Generator::length_of(options) > longest)
    throw CodedError("evaluate.contextLength", {{"contextLength", static_cast<double>(Generator::length_of(options))},
                                                {"least", 1.0},
                                                {"limit", static_cast<double>(longest)}});
  const std::vector<llama_token> tokens = tokenize(model, text, /*add_special=*/false, /*parse_special=*/false);
  const int64_t fitting = static_cast<int64_t>(tokens.size()) / options.prompt_tokens;
  if (fitting == 0)
    throw CodedError("evaluate.textTooShort", {{"tokens", static_cast<double>(tokens.size())},
                                               {"needed", static_cast<double>(options.prompt_tokens)}});
  const int64_t places = std::min<int64_t>(options.places, fitting);
  const size_t place_tokens = tokens.size() / static_cast<size_t>(places);
  Generator generator(model, options, control);
  std::vector<Continuation> found;
  for (int64_t place = 0; place < places; ++place) {
    control.report(static_cast<double>(place), static_cast<double>(places));
    const size_t from = static_cast<size_t>(place) * place_tokens;
    const std::span<const llama_token> prompt =
        prompt_in(model, tokens, from, from + place_tokens, static_cast<size_t>(options.prompt_tokens));
    const std::vector<llama_token> made = generator.run(prompt, options.new_tokens);
    found.push_back({text_of(model, prompt.data(), prompt.size()), text_of(model, made.data(), made.size())});
  }
  control.report(static_cast<double>(places), static_cast<double>(places));
  return found;
}

}  // namespace lathe
