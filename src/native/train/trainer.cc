#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coded_error.h"
#include "train/buffers.h"

namespace lathe {
namespace {

/// GPUs round float32 matrices to half precision on their way into matrix units: gradients are lifted into its range.
constexpr float kGpuLossScale = 1024;

ggml_backend_dev_t find_device(const GgmlApi& api, const std::string& name) {
  for (size_t i = 0; i < api.ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = api.ggml_backend_dev_get(i);
    if (name == api.ggml_backend_dev_name(device)) return device;
  }
  throw CodedError("train.noDevice", {{"device", name}});
}

void set_threads(const GgmlApi& api, ggml_backend_dev_t device, ggml_backend_t backend, int threads) {
  using SetThreads = void (*)(ggml_backend_t, int);
  auto set = reinterpret_cast<SetThreads>(
      api.ggml_backend_reg_get_proc_address(api.ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads"));
  if (set != nullptr) set(backend, threads);
}

std::string block_name(int64_t layer, const char* part) { return "blk." + std::to_string(layer) + "." + part; }

}  // namespace

Trainer::Trainer(const GgmlApi& api, const TrainerOptions& options, JobControl& control)
    : api_(api), options_(options) {
  ggml_backend_dev_t device = find_device(api, options.device);
  is_cpu_ = api.ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
  loss_scale_ = is_cpu_ ? 1 : kGpuLossScale;
  const ProblemLog log;
  backend_ = api.ggml_backend_dev_init(device, nullptr);
  if (backend_ == nullptr) throw CodedError("train.noDevice", {{"device", options.device}}, log.text());
  try {
    set_threads(api, device, backend_, options.threads);
    const std::set<std::string> whole(options.whole.begin(), options.whole.end());
    base_ = std::make_unique<BaseWeights>(
        api, backend_, options.path, [&](const std::string& name) { return whole.contains(name); }, options.streaming,
        control);
    parameters_ = std::make_unique<Parameters>(api, backend_);
    describe_parameters();
    parameters_->allocate();
    allocate_states();
    std::vector<float> values;
    for (const Parameter& parameter : parameters_->all()) {
      control.stop_if_cancelled();
      if (base_->describe(parameter.name) == nullptr) continue;
      values.resize(static_cast<size_t>(parameter.rows * parameter.columns));
      base_->read_rows(parameter.name, 0, parameter.rows, values.data());
      parameters_->write(parameter, values.data());
    }
  } catch (...) {
    buffers_.reset();
    parameters_.reset();
    base_.reset();
    api.ggml_backend_free(backend_);
    throw;
  }
}

Trainer::~Trainer() {
  buffers_.reset();
  parameters_.reset();
  base_.reset();
  api_.ggml_backend_free(backend_);
}

void Trainer::describe_parameters() {
  lowest_ = options_.family.layers;
  const auto touches = [this](const std::string& name) {
    for (int64_t layer = 0; layer < lowest_; ++layer)
      if (name.rfind(block_name(layer, ""), 0) == 0) lowest_ = layer;
  };
  for (const LoraModule& module : options_.modules) {
    const ggml_tensor* base = base_->describe(module.tensor);
    if (base == nullptr || module.rank < 1)
      throw CodedError("train.badModel", {{"file", options_.path}}, "no tensor " + module.tensor);
    parameters_->add(module.tensor + ".lora_a", ParameterKind::kMatrix, base->ne[0], module.rank);
    parameters_->add(module.tensor + ".lora_b", ParameterKind::kLoraB, module.rank, base->ne[1]);
    if (options_.dora) parameters_->add(module.tensor + ".lora_magnitude", ParameterKind::kVector, base->ne[1], 1);
    touches(module.tensor);
  }
  for (const std::string& name : options_.whole) {
    const ggml_tensor* base = base_->describe(name);
    if (base == nullptr) throw CodedError("train.badModel", {{"file", options_.path}}, "no tensor " + name);
    parameters_->add(name, base->ne[1] > 1 ? ParameterKind::kMatrix : ParameterKind::kVector, base->ne[0], base->ne[1]);
    if (name == "token_embd.weight") embeddings_trained_ = true;
    touches(name);
  }
  if (embeddings_trained_) lowest_ = 0;
}

void Trainer::allocate_states() {
  const Family& f = options_.family;
  const int64_t most = options_.most_tokens;
  buffers_ = std::make_unique<Buffers>(api_, backend_, f.layers);
  Buffers& b = *buffers_;
  ggml_context* c = b.context.get();
  const auto ints = [&](ggml_type type, int64_t count) { return api_.ggml_new_tensor_1d(c, type, count); };
  b.ids = ints(GGML_TYPE_I32, most);
  b.positions = ints(GGML_TYPE_I32, most);
  // The processor needs no masks: it makes only scores that are seen.
  const int64_t scores = is_cpu_ ? 1 : most * most;
  b.mask = ints(GGML_TYPE_F32, scores);
  const bool slides = std::find(f.sliding.begin(), f.sliding.end(), true) != f.sliding.end();
  b.mask_sliding = slides ? ints(GGML_TYPE_F32, scores) : b.mask;
  b.chunk_rows = ints(GGML_TYPE_I32, BackendProducts::kChunkRows);
  b.places = ints(GGML_TYPE_I32, most);
  b.places_long = ints(GGML_TYPE_I64, most);
  b.labels = ints(GGML_TYPE_I32, most);
  b.labels_long = ints(GGML_TYPE_I64, most);
  b.weights = ints(GGML_TYPE_F32, most);
  for (int64_t i = 0; i <= f.layers; ++i)
    b.states.push_back(api_.ggml_new_tensor_2d(c, GGML_TYPE_F32, f.embedding, most));
  for (ggml_tensor*& g : b.gradients) g = api_.ggml_new_tensor_2d(c, GGML_TYPE_F32, f.embedding, most);
  if (options_.dropout > 0) {
    const ggml_tensor* down = base_->describe("blk.0.ffn_down.weight");
    const int64_t widths[] = {f.embedding, f.heads * f.value_length, f.embedding, down == nullptr ? 1 : down->ne[0]};
    for (int i = 0; i < 4; ++i) b.drops[i] = api_.ggml_new_tensor_2d(c, GGML_TYPE_F32, widths[i], most);
  }
  if (options_.dora)
    for (const LoraModule& module : options_.modules)
      b.squares[module.tensor] = ints(GGML_TYPE_F32, base_->describe(module.tensor)->ne[1]);
  allocate(api_, c, backend_, b.memory);
  std::vector<int32_t> rows(static_cast<size_t>(BackendProducts::kChunkRows));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  api_.ggml_backend_tensor_set(b.chunk_rows, rows.data(), 0, rows.size() * sizeof(int32_t));
  if (!options_.checkpointing)
    for (int64_t i = 0; i < f.layers; ++i) b.kept.push_back(std::make_unique<GraphMemory>(api_, backend_));

  std::vector<float> row, squares, lengths;
  for (const auto& [name, tensor] : b.squares) {
    const ggml_tensor* base = base_->describe(name);
    row.resize(static_cast<size_t>(base->ne[0]));
    squares.assign(static_cast<size_t>(base->ne[1]), 0);
    lengths = squares;
    for (int64_t output = 0; output < base->ne[1]; ++output) {
      base_->read_rows(name, output, 1, row.data());
      double sum = 0;
      for (float w : row) sum += static_cast<double>(w) * static_cast<double>(w);
      squares[static_cast<size_t>(output)] = static_cast<float>(sum);
      lengths[static_cast<size_t>(output)] = static_cast<float>(std::sqrt(sum));
    }
    api_.ggml_backend_tensor_set(tensor, squares.data(), 0, squares.size() * sizeof(float));
    for (const Parameter& parameter : parameters_->all())
      if (parameter.name == name + ".lora_magnitude") parameters_->write(parameter, lengths.data());
  }
}

Weight Trainer::weight(const std::string& name) const {
  for (const Parameter& parameter : parameters_->all())
    if (parameter.name == name) return {parameter.value, training_ ? parameter.gradient : nullptr};
  return {base_->find(name), nullptr};
}

Linear Trainer::linear(const std::string& name) const {
  Linear found{weight(name + ".weight"), weight(name + ".bias"), std::nullopt};
  for (const LoraModule& module : options_.modules) {
    if (module.tensor != name + ".weight") continue;
    Lora lora{nullptr, nullptr, module.scale};
    for (const Parameter& parameter : parameters_->all()) {
      if (parameter.name == module.tensor + ".lora_a") lora.a = &parameter;
      if (parameter.name == module.tensor + ".lora_b") lora.b = &parameter;
      if (parameter.name == module.tensor + ".lora_magnitude") lora.magnitude = &parameter;
    }
    if (lora.magnitude != nullptr) lora.squares = buffers_->squares.at(module.tensor);
    found.lora = lora;
  }
  return found;
}

BlockWeights Trainer::block(int64_t layer) const {
  const auto part = [&](const char* name) { return linear(block_name(layer, name)); };
  const auto norm = [&](const char* name) { return weight(block_name(layer, name) + ".weight"); };
  BlockWeights w;
  w.attention_norm = norm("attn_norm");
  w.query_key_value = part("attn_qkv");
  w.query = part("attn_q");
  w.key = part("attn_k");
  w.value = part("attn_v");
  w.query_norm = norm("attn_q_norm");
  w.key_norm = norm("attn_k_norm");
  w.attention_output = part("attn_output");
  w.attention_post_norm = norm("post_attention_norm");
  w.feed_forward_norm = norm("ffn_norm");
  w.gate = part("ffn_gate");
  w.up = part("ffn_up");
  w.down = part("ffn_down");
  w.feed_forward_post_norm = norm("post_ffw_norm");
  w.gate_in_up = !w.gate;
  return w;
}

TrainerMemory Trainer::memory() const {
  size_t graphs = buffers_->shared.size();
  for (const auto& kept : buffers_->kept) graphs += kept->size();
  return {base_->bytes(), parameters_->bytes(), buffers_->memory.size(), graphs};
}

UpdateResult Trainer::update(const UpdateOptions& options) {
  UpdateOptions scaled = options;
  scaled.gradient_scale /= loss_scale_;
  rows_of_step_ = 0;
  return parameters_->update(scaled);
}

void Trainer::discard() {
  rows_of_step_ = 0;
  parameters_->clear_gradients();
}

}  // namespace lathe
