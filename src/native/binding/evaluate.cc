#include <cstring>
#include <limits>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "evaluate/compare.h"
#include "evaluate/continue.h"
#include "evaluate/perplexity.h"
#include "evaluate/score.h"
#include "evaluate/speed.h"
#include "evaluate/tokenize.h"

namespace lathe {
namespace {

constexpr int64_t kMostThreads = 512;  // GGML_MAX_N_THREADS
constexpr int64_t kInt32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMostContext = 1 << 24;  // sums of a few still fit 32 bits; no model was trained on more

/// [{ path, scale }] → as the evaluations take them
std::vector<AdapterFile> adapters_of(const Arguments& arguments, size_t index) {
  if (!arguments.value(index).IsArray()) arguments.fail("adapters", "is not an array");
  const Napi::Array given = arguments.value(index).As<Napi::Array>();
  std::vector<AdapterFile> adapters;
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const Napi::Value entry = given.Get(i);
    if (!entry.IsObject()) arguments.fail("adapters", "holds something that is no object");
    const Napi::Value path = entry.As<Napi::Object>().Get("path"), scale = entry.As<Napi::Object>().Get("scale");
    if (!path.IsString() || !scale.IsNumber()) arguments.fail("adapters", "holds something else than path and scale");
    adapters.push_back({path.As<Napi::String>().Utf8Value(), scale.As<Napi::Number>().FloatValue()});
  }
  return adapters;
}

/// perplexity(modelPath, text, contextLength, maxWindows, threads, gpuLayers, adapters, cancelFlag,
///            onProgress | undefined)
Napi::Value measure_perplexity(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  PerplexityOptions options;
  options.model_path = arguments.text(0, "modelPath");
  auto text = std::make_shared<const std::string>(arguments.text(1, "text"));
  options.context_length = static_cast<int32_t>(arguments.whole(2, "contextLength", 0, kInt32));
  options.max_windows = arguments.whole(3, "maxWindows", 0, kInt32);
  options.threads = static_cast<int>(arguments.whole(4, "threads", 1, kMostThreads));
  options.gpu_layers = static_cast<int>(arguments.whole(5, "gpuLayers", 0, kInt32));
  options.adapters = adapters_of(arguments, 6);
  const Job::Options job{{}, arguments.cancel_flag(7), arguments.callback(8, "onProgress")};
  return Job::start(info.Env(), job, [options, text](JobControl& control) {
    const PerplexityResult measured = perplexity(ggml(), options, *text, control);
    return [measured](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("perplexity", measured.perplexity);
      result.Set("standardError", measured.standard_error);
      result.Set("nll", measured.nll);
      result.Set("tokens", static_cast<double>(measured.predictions));
      result.Set("windows", static_cast<double>(measured.windows));
      result.Set("textTokens", static_cast<double>(measured.text_tokens));
      return result;
    };
  });
}

/// compare(sourcePath, variantPath, text, contextLength, maxWindows, threads, gpuLayers, sourceAdapters,
///         variantAdapters, cancelFlag, onProgress | undefined)
Napi::Value compare_models(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  CompareOptions options;
  options.source_path = arguments.text(0, "sourcePath");
  options.variant_path = arguments.text(1, "variantPath");
  auto text = std::make_shared<const std::string>(arguments.text(2, "text"));
  options.context_length = static_cast<int32_t>(arguments.whole(3, "contextLength", 0, kInt32));
  options.max_windows = arguments.whole(4, "maxWindows", 0, kInt32);
  options.threads = static_cast<int>(arguments.whole(5, "threads", 1, kMostThreads));
  options.gpu_layers = static_cast<int>(arguments.whole(6, "gpuLayers", 0, kInt32));
  options.source_adapters = adapters_of(arguments, 7);
  options.variant_adapters = adapters_of(arguments, 8);
  const Job::Options job{{}, arguments.cancel_flag(9), arguments.callback(10, "onProgress")};
  return Job::start(info.Env(), job, [options, text](JobControl& control) {
    const CompareResult measured = compare(ggml(), options, *text, control);
    return [measured](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("sourcePerplexity", measured.source_perplexity);
      result.Set("perplexity", measured.perplexity);
      result.Set("perplexityError", measured.perplexity_error);
      result.Set("meanKl", measured.mean_kl);
      result.Set("klError", measured.kl_error);
      result.Set("medianKl", measured.median_kl);
      result.Set("kl999", measured.kl_999);
      result.Set("maxKl", measured.max_kl);
      result.Set("topOneAgreement", measured.top_one_agreement);
      result.Set("tokens", static_cast<double>(measured.predictions));
      result.Set("windows", static_cast<double>(measured.windows));
      return result;
    };
  });
}

/// continueText(modelPath, text, places, promptTokens, newTokens, threads, gpuLayers, adapters, cancelFlag,
///              onProgress | undefined) → [{ prompt, continuation }]
Napi::Value continue_places(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  ContinueOptions options;
  options.model_path = arguments.text(0, "modelPath");
  auto text = std::make_shared<const std::string>(arguments.text(1, "text"));
  options.places = static_cast<int32_t>(arguments.whole(2, "places", 1, kInt32));
  options.prompt_tokens = static_cast<int32_t>(arguments.whole(3, "promptTokens", 1, kInt32));
  options.new_tokens = static_cast<int32_t>(arguments.whole(4, "newTokens", 1, kInt32));
  options.threads = static_cast<int>(arguments.whole(5, "threads", 1, kMostThreads));
  options.gpu_layers = static_cast<int>(arguments.whole(6, "gpuLayers", 0, kInt32));
  options.adapters = adapters_of(arguments, 7);
  const Job::Options job{{}, arguments.cancel_flag(8), arguments.callback(9, "onProgress")};
  return Job::start(info.Env(), job, [options, text](JobControl& control) {
    return [found = continue_text(ggml(), options, *text, control)](Napi::Env env) {
      Napi::Array list = Napi::Array::New(env);
      for (const Continuation& one : found) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("prompt", one.prompt);
        entry.Set("continuation", one.continuation);
        list.Set(list.Length(), entry);
      }
      return list;
    };
  });
}

/// What llama.cpp takes for the keys and values of the cache, by ggml's names.
constexpr const char* kCacheTypes[] = {"F32", "F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL"};
constexpr ggml_type kCacheTypeValues[] = {GGML_TYPE_F32,  GGML_TYPE_F16,  GGML_TYPE_BF16,
                                          GGML_TYPE_Q8_0, GGML_TYPE_Q5_1, GGML_TYPE_Q5_0,
                                          GGML_TYPE_Q4_1, GGML_TYPE_Q4_0, GGML_TYPE_IQ4_NL};

constexpr const char* kFlashAttention[] = {"auto", "off", "on"};
constexpr llama_flash_attn_type kFlashAttentionValues[] = {LLAMA_FLASH_ATTN_TYPE_AUTO, LLAMA_FLASH_ATTN_TYPE_DISABLED,
                                                           LLAMA_FLASH_ATTN_TYPE_ENABLED};

Napi::Float64Array numbers(Napi::Env env, const std::vector<double>& values) {
  Napi::Float64Array array = Napi::Float64Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(double));
  return array;
}

/// measureSpeed(modelPath, promptTokens, newTokens, depth, repetitions, batch, ubatch, keyType, valueType,
///              flashAttention, threads, gpuLayers, adapters, cancelFlag, onProgress | undefined)
Napi::Value measure_model_speed(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  SpeedOptions options;
  options.model_path = arguments.text(0, "modelPath");
  options.prompt_tokens = static_cast<int32_t>(arguments.whole(1, "promptTokens", 0, kMostContext));
  options.new_tokens = static_cast<int32_t>(arguments.whole(2, "newTokens", 0, kMostContext));
  options.depth = static_cast<int32_t>(arguments.whole(3, "depth", 0, kMostContext));
  options.repetitions = static_cast<int32_t>(arguments.whole(4, "repetitions", 1, kInt32));
  options.batch = static_cast<int32_t>(arguments.whole(5, "batch", 1, kMostContext));
  options.ubatch = static_cast<int32_t>(arguments.whole(6, "ubatch", 1, kMostContext));
  options.key_type = kCacheTypeValues[arguments.choice(7, "keyType", kCacheTypes)];
  options.value_type = kCacheTypeValues[arguments.choice(8, "valueType", kCacheTypes)];
  options.flash_attention = kFlashAttentionValues[arguments.choice(9, "flashAttention", kFlashAttention)];
  options.threads = static_cast<int>(arguments.whole(10, "threads", 1, kMostThreads));
  options.gpu_layers = static_cast<int>(arguments.whole(11, "gpuLayers", 0, kInt32));
  options.adapters = adapters_of(arguments, 12);
  const Job::Options job{{}, arguments.cancel_flag(13), arguments.callback(14, "onProgress")};
  return Job::start(info.Env(), job, [options](JobControl& control) {
    return [measured = measure_speed(ggml(), options, control)](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("loadSeconds", measured.load_seconds);
      result.Set("promptSeconds", numbers(env, measured.prompt_seconds));
      result.Set("newSeconds", numbers(env, measured.new_seconds));
      result.Set("newStarts", numbers(env, measured.new_starts));
      return result;
    };
  });
}

/// scoreAnswers(modelPath, [{ text, answer }], threads, gpuLayers, adapters, cancelFlag, onProgress | undefined)
///              → [{ logLikelihood, tokens, isLikeliest }]
Napi::Value score_pairs(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  ScoreOptions options;
  options.model_path = arguments.text(0, "modelPath");
  if (!arguments.value(1).IsArray()) arguments.fail("pairs", "is not an array");
  const Napi::Array given = arguments.value(1).As<Napi::Array>();
  auto pairs = std::make_shared<std::vector<Pair>>();
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const Napi::Value entry = given.Get(i);
    if (!entry.IsObject()) arguments.fail("pairs", "holds something that is no object");
    const Napi::Value text = entry.As<Napi::Object>().Get("text"), answer = entry.As<Napi::Object>().Get("answer");
    if (!text.IsString() || !answer.IsString()) arguments.fail("pairs", "holds something else than text and answer");
    pairs->push_back({text.As<Napi::String>().Utf8Value(), answer.As<Napi::String>().Utf8Value()});
  }
  options.threads = static_cast<int>(arguments.whole(2, "threads", 1, kMostThreads));
  options.gpu_layers = static_cast<int>(arguments.whole(3, "gpuLayers", 0, kInt32));
  options.adapters = adapters_of(arguments, 4);
  const Job::Options job{{}, arguments.cancel_flag(5), arguments.callback(6, "onProgress")};
  return Job::start(info.Env(), job, [options, pairs](JobControl& control) {
    return [scores = score_answers(ggml(), options, *pairs, control)](Napi::Env env) {
      Napi::Array list = Napi::Array::New(env);
      for (const Score& score : scores) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("logLikelihood", score.log_likelihood);
        entry.Set("tokens", static_cast<double>(score.tokens));
        entry.Set("isLikeliest", score.is_likeliest);
        list.Set(list.Length(), entry);
      }
      return list;
    };
  });
}

/// tokenize(modelPath, text, addSpecial, parseSpecial, cancelFlag) → Int32Array
Napi::Value tokenize_text(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Model::Options options{arguments.text(0, "modelPath"), 0, /*vocabulary_only=*/true};
  auto text = std::make_shared<const std::string>(arguments.text(1, "text"));
  const bool add_special = arguments.boolean(2, "addSpecial"), parse_special = arguments.boolean(3, "parseSpecial");
  const Job::Options job{{}, arguments.cancel_flag(4), {}};
  return Job::start(info.Env(), job, [=](JobControl& control) {
    const Model model(ggml(), options, control);
    return [tokens = tokenize(model, *text, add_special, parse_special)](Napi::Env env) {
      Napi::Int32Array result = Napi::Int32Array::New(env, tokens.size());
      if (!tokens.empty()) std::memcpy(result.Data(), tokens.data(), tokens.size() * sizeof(llama_token));
      return result;
    };
  });
}

}  // namespace

void add_evaluate_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("perplexity", Napi::Function::New(env, measure_perplexity));
  exports.Set("compare", Napi::Function::New(env, compare_models));
  exports.Set("continueText", Napi::Function::New(env, continue_places));
  exports.Set("measureSpeed", Napi::Function::New(env, measure_model_speed));
  exports.Set("scoreAnswers", Napi::Function::New(env, score_pairs));
  exports.Set("tokenize", Napi::Function::New(env, tokenize_text));
}

}  // namespace lathe
