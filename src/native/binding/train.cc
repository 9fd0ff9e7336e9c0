#include <cstring>
#include <limits>
#include <memory>
#include <mutex>

#include "binding/arguments.h"
#include "binding/functions.h"
#include "train/trainer.h"

namespace lathe {
namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostTokens = 1 << 20;

/// A trainer is used by one job at a time.
struct Handle {
  std::unique_ptr<Trainer> trainer;
  std::mutex mutex;
};
using Shared = std::shared_ptr<Handle>;

Shared handle_of(const Arguments& arguments, size_t index) {
  const Napi::Value value = arguments.value(index);
  if (!value.IsExternal()) arguments.fail("trainer", "is not a trainer");
  return *value.As<Napi::External<Shared>>().Data();
}

/// The trainer of a handle, for as long as this lives. Throws CodedError internal.unexpected for one that was closed.
class Held {
 public:
  explicit Held(const Shared& handle) : lock_(handle->mutex), trainer_(handle->trainer.get()) {
    if (trainer_ == nullptr) throw CodedError("internal.unexpected", {{"problem", std::string("a closed trainer")}});
  }
  Trainer* operator->() const { return trainer_; }

 private:
  std::lock_guard<std::mutex> lock_;
  Trainer* trainer_;
};

/// Fields of the one object that describes a trainer.
class Fields {
 public:
  Fields(const Arguments& arguments, Napi::Value value) : arguments_(arguments), object_(object(arguments, value)) {}

  double number(const char* name) const {
    const Napi::Value value = object_.Get(name);
    if (!value.IsNumber()) arguments_.fail(name, "is not a number");
    return value.As<Napi::Number>().DoubleValue();
  }
  float real(const char* name) const { return static_cast<float>(number(name)); }
  int64_t count(const char* name, int64_t most = std::numeric_limits<int32_t>::max()) const {
    const double value = number(name);
    if (!(value >= 0 && value <= static_cast<double>(most))) arguments_.fail(name, "is out of range");
    return static_cast<int64_t>(value);
  }
  bool boolean(const char* name) const {
    const Napi::Value value = object_.Get(name);
    if (!value.IsBoolean()) arguments_.fail(name, "is not a boolean");
    return value.As<Napi::Boolean>();
  }
  std::string text(const char* name) const {
    const Napi::Value value = object_.Get(name);
    if (!value.IsString()) arguments_.fail(name, "is not a text");
    return value.As<Napi::String>();
  }
  Fields fields(const char* name) const { return Fields(arguments_, object_.Get(name)); }
  template <class Each>
  void each(const char* name, Each use) const {
    const Napi::Value value = object_.Get(name);
    if (!value.IsArray()) arguments_.fail(name, "is not an array");
    const auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) use(array.Get(i));
  }

 private:
  static Napi::Object object(const Arguments& arguments, Napi::Value value) {
    if (!value.IsObject()) arguments.fail("options", "is not an object");
    return value.As<Napi::Object>();
  }
  const Arguments& arguments_;
  Napi::Object object_;
};

Rope rope_of(const Fields& fields) { return {fields.real("base"), fields.real("scale")}; }

Family family_of(const Arguments& arguments, const Fields& o) {
  Family f;
  f.layers = o.count("layers", 65'536);
  f.embedding = o.count("embedding");
  f.heads = o.count("heads");
  f.kv_heads = o.count("kvHeads");
  f.key_length = o.count("keyLength");
  f.value_length = o.count("valueLength");
  f.vocabulary = o.count("vocabulary");
  f.norm_epsilon = o.real("normEpsilon");
  f.embedding_scale = o.real("embeddingScale");
  f.attention_scale = o.real("attentionScale");
  f.attention_softcap = o.real("attentionSoftcap");
  f.final_softcap = o.real("finalSoftcap");
  f.gelu = o.boolean("gelu");
  f.rope_neox = o.boolean("ropeNeox");
  f.rope_dimensions = static_cast<int32_t>(o.count("ropeDimensions"));
  f.rope_original_context = static_cast<int32_t>(o.count("ropeOriginalContext"));
  f.yarn_ext_factor = o.real("yarnExtFactor");
  f.yarn_attention_factor = o.real("yarnAttentionFactor");
  f.yarn_beta_fast = o.real("yarnBetaFast");
  f.yarn_beta_slow = o.real("yarnBetaSlow");
  f.rope = rope_of(o.fields("rope"));
  f.rope_sliding = rope_of(o.fields("ropeSliding"));
  f.rope_factors = o.text("ropeFactors");
  f.window = o.count("window");
  o.each("sliding", [&](Napi::Value value) { f.sliding.push_back(value.ToBoolean()); });
  o.each("rotates", [&](Napi::Value value) { f.rotates.push_back(value.ToBoolean()); });
  const auto layers = static_cast<size_t>(f.layers);
  if (f.sliding.size() != layers || f.rotates.size() != layers)
    arguments.fail("family", "does not say what each layer does");
  if (f.kv_heads == 0 || f.heads % f.kv_heads != 0) arguments.fail("heads", "are not a multiple of kvHeads");
  return f;
}

TrainerOptions options_of(const Arguments& arguments, const Fields& o) {
  TrainerOptions options;
  options.path = o.text("modelPath");
  options.device = o.text("device");
  options.threads = static_cast<int>(std::max<int64_t>(1, o.count("threads", kMostThreads)));
  options.most_tokens = std::max<int64_t>(1, o.count("maxTokens", kMostTokens));
  options.family = family_of(arguments, o.fields("family"));
  o.each("modules", [&](Napi::Value value) {
    const Fields module(arguments, value);
    options.modules.push_back({module.text("tensor"), module.count("rank"), module.real("scale")});
  });
  o.each("whole", [&](Napi::Value value) { options.whole.push_back(value.ToString()); });
  options.dropout = o.real("dropout");
  options.dora = o.boolean("dora");
  options.checkpointing = o.boolean("checkpointing");
  options.streaming = o.boolean("streaming");
  options.seed = static_cast<uint64_t>(o.count("seed", std::numeric_limits<uint32_t>::max()));
  return options;
}

Napi::Object memory_object(Napi::Env env, const TrainerMemory& memory) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("weights", static_cast<double>(memory.weights));
  object.Set("parameters", static_cast<double>(memory.parameters));
  object.Set("states", static_cast<double>(memory.states));
  object.Set("graphs", static_cast<double>(memory.graphs));
  return object;
}

/// openTrainer(options, cancelFlag, onProgress | undefined) → { trainer, size, tensors: [{ name, shape, offset }] }
Napi::Value open_trainer(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const TrainerOptions options = options_of(arguments, Fields(arguments, info[0]));
  const Job::Options job{{}, arguments.cancel_flag(1), arguments.callback(2, "onProgress")};
  return Job::start(info.Env(), job, [options](JobControl& control) {
    auto handle = std::make_shared<Handle>();
    handle->trainer = std::make_unique<Trainer>(ggml(), options, control);
    return [handle](Napi::Env env) {
      Parameters& parameters = handle->trainer->parameters();
      Napi::Array tensors = Napi::Array::New(env);
      for (const Parameter& parameter : parameters.all()) {
        Napi::Array shape = Napi::Array::New(env);
        shape.Set(0u, static_cast<double>(parameter.columns));
        if (parameter.kind != ParameterKind::kVector) shape.Set(1u, static_cast<double>(parameter.rows));
        Napi::Object tensor = Napi::Object::New(env);
        tensor.Set("name", parameter.name);
        tensor.Set("shape", shape);
        tensor.Set("offset", static_cast<double>(parameter.offset));
        tensors.Set(tensors.Length(), tensor);
      }
      Napi::Object result = Napi::Object::New(env);
      result.Set("trainer",
                 Napi::External<Shared>::New(env, new Shared(handle), [](Napi::Env, Shared* owned) { delete owned; }));
      result.Set("size", static_cast<double>(parameters.size()));
      result.Set("tensors", tensors);
      return result;
    };
  });
}

/// trainRow(trainer, train, ids, positions, segments, labels, weights, cancelFlag)
///   → { lossSum, weightSum, trained, correct, entropySum }
Napi::Value train_row(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Shared handle = handle_of(arguments, 0);
  const bool train = arguments.boolean(1, "train");
  const Span<int32_t> ids = arguments.integers(2, "ids");
  TrainRow row{ids.count,
               ids.data,
               arguments.integers(3, "positions", ids.count).data,
               arguments.integers(4, "segments", ids.count).data,
               arguments.integers(5, "labels", ids.count).data,
               arguments.floats(6, "weights", ids.count).data};
  const Job::Options job{{info[0], info[2], info[3], info[4], info[5], info[6]}, arguments.cancel_flag(7), {}};
  return Job::start(info.Env(), job, [handle, train, row](JobControl& control) -> Job::Finish {
    const Held trainer(handle);
    const RowResult found = train ? trainer->accumulate(row, control) : trainer->evaluate(row, control);
    return [found](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("lossSum", found.loss);
      result.Set("weightSum", found.weight);
      result.Set("trained", static_cast<double>(found.trained));
      result.Set("correct", static_cast<double>(found.correct));
      result.Set("entropySum", found.entropy);
      return result;
    };
  });
}

/// trainUpdate(trainer, options, cancelFlag) → { gradNorm, applied }
Napi::Value train_update(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Shared handle = handle_of(arguments, 0);
  const Fields o(arguments, info[1]);
  UpdateOptions options;
  options.sgd = o.boolean("sgd");
  options.learning_rate = o.real("learningRate");
  options.learning_rate_b = o.real("learningRateB");
  options.beta1 = o.real("beta1");
  options.beta2 = o.real("beta2");
  options.epsilon = o.real("epsilon");
  options.weight_decay = o.real("weightDecay");
  options.max_norm = o.real("maxGradNorm");
  options.gradient_scale = o.real("gradientScale");
  const Job::Options job{{info[0]}, arguments.cancel_flag(2), {}};
  return Job::start(info.Env(), job, [handle, options](JobControl&) -> Job::Finish {
    const UpdateResult found = Held(handle)->update(options);
    return [found](Napi::Env env) {
      Napi::Object result = Napi::Object::New(env);
      result.Set("gradNorm", found.norm);
      result.Set("applied", found.applied);
      return result;
    };
  });
}

Parameters::Part part_of(const Arguments& arguments, size_t index) {
  constexpr const char* kNames[] = {"parameters", "firstMoments", "secondMoments"};
  return static_cast<Parameters::Part>(arguments.choice(index, "part", kNames));
}

/// trainState(trainer) → { updates, memory }; at once
Napi::Value train_state(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return throwing_to_js(info.Env(), [&]() -> Napi::Value {
    const Held trainer(handle_of(arguments, 0));
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("updates", static_cast<double>(trainer->parameters().updates()));
    result.Set("memory", memory_object(info.Env(), trainer->memory()));
    return result;
  });
}

/// readTrained(trainer, part, out F32); at once
Napi::Value read_trained(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return throwing_to_js(info.Env(), [&]() -> Napi::Value {
    const Held trainer(handle_of(arguments, 0));
    trainer->parameters().read(part_of(arguments, 1), arguments.floats(2, "out", trainer->parameters().size()).data);
    return info.Env().Undefined();
  });
}

/// writeTrained(trainer, part, values F32, updates); at once
Napi::Value write_trained(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return throwing_to_js(info.Env(), [&]() -> Napi::Value {
    const Held trainer(handle_of(arguments, 0));
    Parameters& parameters = trainer->parameters();
    parameters.write(part_of(arguments, 1), arguments.floats(2, "values", parameters.size()).data);
    parameters.set_updates(arguments.whole(3, "updates", 0, std::numeric_limits<int64_t>::max() >> 11));
    return info.Env().Undefined();
  });
}

/// discardGradients(trainer); at once
Napi::Value discard_gradients(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  return throwing_to_js(info.Env(), [&]() -> Napi::Value {
    Held(handle_of(arguments, 0))->discard();
    return info.Env().Undefined();
  });
}

/// closeTrainer(trainer): gives its memory back now, not when the handle is collected; at once
Napi::Value close_trainer(const Napi::CallbackInfo& info) {
  const Arguments arguments(info);
  const Shared handle = handle_of(arguments, 0);
  const std::lock_guard lock(handle->mutex);
  handle->trainer.reset();
  return info.Env().Undefined();
}

}  // namespace

void add_train_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("openTrainer", Napi::Function::New(env, open_trainer));
  exports.Set("trainRow", Napi::Function::New(env, train_row));
  exports.Set("trainUpdate", Napi::Function::New(env, train_update));
  exports.Set("trainState", Napi::Function::New(env, train_state));
  exports.Set("readTrained", Napi::Function::New(env, read_trained));
  exports.Set("writeTrained", Napi::Function::New(env, write_trained));
  exports.Set("discardGradients", Napi::Function::New(env, discard_gradients));
  exports.Set("closeTrainer", Napi::Function::New(env, close_trainer));
}

}  // namespace lathe
