#include "evaluate/model.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>

#include "coded_error.h"

namespace lathe {
namespace {

// Of llama.cpp's src/llama-hparams.h; larger numbers end the process.
constexpr uint32_t kMaxLayers = 512;
constexpr uint32_t kMaxExperts = 1024;

constexpr std::string_view kRopeScalings[] = {"none", "linear", "yarn", "longrope"};

/// What llama.cpp says it failed for, without the names of its functions.
std::string first_problem(const std::string& log) {
  constexpr std::string_view kMarker = "error loading model: ";
  const size_t marker = log.find(kMarker);
  size_t begin = marker == std::string::npos ? 0 : marker + kMarker.size();
  std::string line = log.substr(begin, log.find('\n', begin) - begin);
  // "function_name: what is wrong"
  const size_t colon = line.find(": ");
  if (marker == std::string::npos && colon != std::string::npos && line.find(' ') > colon) line.erase(0, colon + 2);
  while (!line.empty() && (line.back() == '.' || line.back() == ' ' || line.back() == '\r')) line.pop_back();
  return line.empty() ? "no reason was given" : line;
}

std::string file_name_of(const std::string& path) {
#if defined(_WIN32)
  constexpr const char* kSeparators = "/\\";
#else
  constexpr const char* kSeparators = "/";
#endif
  const size_t last = path.find_last_of(kSeparators);
  return last == std::string::npos ? path : path.substr(last + 1);
}

[[noreturn]] void fail_to_load(const std::string& file_name, const std::string& problem,
                               const std::string& detail = {}) {
  throw CodedError("engine.loadFailed", {{"file", file_name}, {"problem", problem}}, detail);
}

/// The header of a GGUF file, as ggml reads it. A field of another type than asked for counts as absent: llama.cpp
/// reports that itself.
class Header {
 public:
  Header(const GgmlApi& api, const std::string& path)
      : api_(api), gguf_(api.gguf_init_from_file(path.c_str(), {/*no_alloc=*/true, /*ctx=*/nullptr}), api.gguf_free) {}

  bool is_readable() const { return gguf_ != nullptr; }

  std::string text(const std::string& key) const {
    const int64_t id = api_.gguf_find_key(gguf_.get(), key.c_str());
    const bool found = id >= 0 && api_.gguf_get_kv_type(gguf_.get(), id) == GGUF_TYPE_STRING;
    return found ? api_.gguf_get_val_str(gguf_.get(), id) : "";
  }

  uint32_t number(const std::string& key, uint32_t otherwise) const {
    const int64_t id = api_.gguf_find_key(gguf_.get(), key.c_str());
    const bool found = id >= 0 && api_.gguf_get_kv_type(gguf_.get(), id) == GGUF_TYPE_UINT32;
    return found ? api_.gguf_get_val_u32(gguf_.get(), id) : otherwise;
  }

  /// As llama.cpp does it, which gives tokens without text a name of their own.
  bool has_distinct_tokens() const {
    const int64_t id = api_.gguf_find_key(gguf_.get(), "tokenizer.ggml.tokens");
    if (id < 0 || api_.gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_ARRAY) return true;
    if (api_.gguf_get_arr_type(gguf_.get(), id) != GGUF_TYPE_STRING) return true;
    const size_t count = api_.gguf_get_arr_n(gguf_.get(), id);
    std::unordered_set<std::string> seen;
    for (size_t i = 0; i < count; ++i) {
      std::string token = api_.gguf_get_arr_str(gguf_.get(), id, i);
      if (token.empty()) token = "[EMPTY_" + std::to_string(i) + "]";
      if (!seen.insert(std::move(token)).second) return false;
    }
    return true;
  }

  /// A norm, bias or table of frequencies that is not F32, which ggml's operators on the CPU do not take; empty when
  /// none.
  std::string misfit_tensor() const {
    for (int64_t i = 0; i < api_.gguf_get_n_tensors(gguf_.get()); ++i) {
      const std::string_view name = api_.gguf_get_tensor_name(gguf_.get(), i);
      const bool must_be_float = name.ends_with("_norm.weight") || name.ends_with(".bias") || name.starts_with("rope_");
      if (must_be_float && api_.gguf_get_tensor_type(gguf_.get(), i) != GGML_TYPE_F32) return std::string(name);
    }
    return {};
  }

 private:
  const GgmlApi& api_;
  std::unique_ptr<gguf_context, decltype(&gguf_free)> gguf_;
};

void check_header(const GgmlApi& api, const std::string& path, const std::string& file_name) {
  const ProblemLog log;
  const Header header(api, path);
  if (!header.is_readable()) fail_to_load(file_name, first_problem(log.text()), log.text());
  const std::string tokenizer = header.text("tokenizer.ggml.model");
  if (tokenizer.empty() || tokenizer == "no_vocab" || tokenizer == "none")
    throw CodedError("evaluate.noTokenizer", {{"file", file_name}});
  if (!header.has_distinct_tokens()) fail_to_load(file_name, "two tokens of its vocabulary are the same");
  const std::string misfit = header.misfit_tensor();
  if (!misfit.empty()) fail_to_load(file_name, "its tensor " + misfit + " is not F32");

  const std::string architecture = header.text("general.architecture");
  const uint32_t layers = header.number(architecture + ".block_count", 1);
  if (layers == 0 || layers > kMaxLayers) fail_to_load(file_name, "it has " + std::to_string(layers) + " layers");
  const uint32_t experts = header.number(architecture + ".expert_count", 0);
  const uint32_t used = header.number(architecture + ".expert_used_count", 0);
  if (experts > kMaxExperts || used > experts || (experts > 0 && used == 0))
    fail_to_load(file_name, "it uses " + std::to_string(used) + " of " + std::to_string(experts) + " experts");
  const std::string scaling = header.text(architecture + ".rope.scaling.type");
  if (!scaling.empty() &&
      std::find(std::begin(kRopeScalings), std::end(kRopeScalings), scaling) == std::end(kRopeScalings))
    fail_to_load(file_name, "its rope scaling " + scaling + " is not known");
}

}  // namespace

Model::Model(const GgmlApi& api, const Options& options, const JobControl& control)
    : api_(api), file_name_(file_name_of(options.path)), model_(nullptr, api.llama_model_free) {
  check_header(api, options.path, file_name_);
  control.stop_if_cancelled();

  llama_model_params params = api.llama_model_default_params();
  params.n_gpu_layers = options.gpu_layers;
  params.vocab_only = options.vocabulary_only;
  if (options.plain_layout) params.use_extra_bufts = false;
  params.progress_callback = [](float, void* data) {
    return !static_cast<const JobControl*>(data)->cancelled().load(std::memory_order_relaxed);
  };
  params.progress_callback_user_data = const_cast<JobControl*>(&control);
  const ProblemLog log;
  model_.reset(api.llama_model_load_from_file(options.path.c_str(), params));
  control.stop_if_cancelled();
  if (model_ == nullptr) fail_to_load(file_name_, first_problem(log.text()), log.text());

  vocabulary_ = api.llama_model_get_vocab(model_.get());
  if (api.llama_vocab_type(vocabulary_) == LLAMA_VOCAB_TYPE_NONE)
    throw CodedError("evaluate.noTokenizer", {{"file", file_name_}});
  // Tokenizing asserts both.
  const bool lacks_bos =
      api.llama_vocab_get_add_bos(vocabulary_) && api.llama_vocab_bos(vocabulary_) == LLAMA_TOKEN_NULL;
  const bool lacks_eos =
      api.llama_vocab_get_add_eos(vocabulary_) && api.llama_vocab_eos(vocabulary_) == LLAMA_TOKEN_NULL;
  if (lacks_bos || lacks_eos) fail_to_load(file_name_, "its tokenizer adds a token that it does not have");

  for (const auto& [path, scale] : options.adapters) {
    const ProblemLog adapter_log;
    llama_adapter_lora* adapter = api.llama_adapter_lora_init(model_.get(), path.c_str());
    if (adapter == nullptr) fail_to_load(file_name_of(path), first_problem(adapter_log.text()), adapter_log.text());
    adapters_.push_back(adapter);
    scales_.push_back(scale);
  }
}

std::unique_ptr<llama_context, decltype(&llama_free)> Model::open_context(const llama_context_params& params) const {
  const ProblemLog log;
  std::unique_ptr<llama_context, decltype(&llama_free)> context(api_.llama_init_from_model(model_.get(), params),
                                                                api_.llama_free);
  std::vector<llama_adapter_lora*> adapters = adapters_;
  std::vector<float> scales = scales_;
  if (context == nullptr || (!adapters.empty() && api_.llama_set_adapters_lora(context.get(), adapters.data(),
                                                                               adapters.size(), scales.data()) != 0))
    throw CodedError("engine.insufficientMemory", {{"file", file_name_}}, log.text());
  return context;
}

}  // namespace lathe
