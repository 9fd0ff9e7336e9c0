#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "coded_error.h"
#include "train/buffers.h"

namespace lathe {
namespace {

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014), its mixing function.
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Throws CodedError internal.unexpected for what the trainer has no room or no number for: ggml would end the process.
void check_row(const TrainRow& row, int64_t most_tokens, int64_t vocabulary) {
  const auto refuse = [](const char* problem) {
    throw CodedError("internal.unexpected", {{"problem", std::string(problem)}});
  };
  if (row.tokens < 1 || row.tokens > most_tokens)
    refuse("a row of no tokens, or longer than the trainer was opened for");
  for (int64_t t = 0; t < row.tokens; ++t) {
    if (row.ids[t] < 0 || row.ids[t] >= vocabulary) refuse("a row with a token that the model does not have");
    if (row.labels[t] < -1 || row.labels[t] >= vocabulary) refuse("a row with a label that the model does not have");
  }
  std::set<int32_t> samples;
  for (int64_t t = 0; t < row.tokens; ++t) {
    if (row.segments[t] < 0) continue;
    if (t > 0 && row.segments[t] == row.segments[t - 1]) {
      if (row.positions[t] != row.positions[t - 1] + 1)
        refuse("a row with a sample whose positions do not rise one by one");
    } else if (!samples.insert(row.segments[t]).second) {
      refuse("a row with a sample in several places");
    }
  }
}

std::vector<Stretch> stretches_of(const TrainRow& row) {
  std::vector<Stretch> stretches;
  for (int64_t t = 0; t < row.tokens; ++t) {
    if (t > 0 && row.segments[t] >= 0 && row.segments[t] == row.segments[t - 1])
      ++stretches.back().count;
    else
      stretches.push_back({t, 1});
  }
  return stretches;
}

}  // namespace

std::unique_ptr<Tape> Trainer::tape(ggml_context* context) const {
  std::unique_ptr<Products> products;
  if (is_cpu_)
    products = std::make_unique<CpuProducts>(api_, context);
  else
    products = std::make_unique<BackendProducts>(api_, context, buffers_->chunk_rows);
  return std::make_unique<Tape>(api_, context, std::move(products), is_cpu_);
}

void Trainer::fill_row(const TrainRow& row) {
  const Buffers& b = *buffers_;
  const auto count = static_cast<size_t>(row.tokens);
  api_.ggml_backend_tensor_set(b.ids, row.ids, 0, count * sizeof(int32_t));
  api_.ggml_backend_tensor_set(b.positions, row.positions, 0, count * sizeof(int32_t));
  stretches_ = stretches_of(row);
  if (is_cpu_) return;
  std::vector<float> mask(count * count);
  const auto fill = [&](ggml_tensor* tensor, int64_t window) {
    for (int64_t q = 0; q < row.tokens; ++q)
      for (int64_t k = 0; k < row.tokens; ++k) {
        const bool seen = q == k || (k < q && row.segments[q] >= 0 && row.segments[q] == row.segments[k] &&
                                     (window == 0 || row.positions[q] - row.positions[k] < window));
        mask[static_cast<size_t>(q) * count + static_cast<size_t>(k)] =
            seen ? 0 : -std::numeric_limits<float>::infinity();
      }
    api_.ggml_backend_tensor_set(tensor, mask.data(), 0, mask.size() * sizeof(float));
  };
  fill(b.mask, 0);
  if (b.mask_sliding != b.mask) fill(b.mask_sliding, options_.family.window);
}

void Trainer::fill_dropout(int64_t layer, int64_t tokens) {
  if (options_.dropout <= 0 || !training_) return;
  const float kept = 1 / (1 - options_.dropout);
  std::vector<float> values;
  for (size_t kind = 0; kind < 4; ++kind) {
    ggml_tensor* drop = buffers_->drops[kind];
    uint64_t key = mixed(options_.seed);
    for (uint64_t part : {static_cast<uint64_t>(parameters_->updates()), static_cast<uint64_t>(rows_of_step_),
                          static_cast<uint64_t>(layer), static_cast<uint64_t>(kind)})
      key = mixed(key ^ part);
    values.resize(static_cast<size_t>(drop->ne[0] * tokens));
    for (size_t i = 0; i < values.size(); ++i) {
      const double uniform = static_cast<double>(mixed(key + i) >> 11) * 0x1p-53;
      values[i] = uniform < static_cast<double>(options_.dropout) ? 0 : kept;
    }
    api_.ggml_backend_tensor_set(drop, values.data(), 0, values.size() * sizeof(float));
  }
}

ggml_tensor* Trainer::states(ggml_context* context, int64_t index, int64_t tokens) const {
  ggml_tensor* whole = buffers_->states[static_cast<size_t>(index)];
  return api_.ggml_view_2d(context, whole, whole->ne[0], tokens, whole->nb[1], 0);
}

RowTensors Trainer::row_tensors(ggml_context* context, int64_t layer, int64_t tokens) const {
  const Family& f = options_.family;
  const bool slides = f.sliding[static_cast<size_t>(layer)];
  Sight sight{nullptr, &stretches_, slides ? f.window : 0};
  if (!is_cpu_)
    sight.mask = api_.ggml_view_2d(context, slides ? buffers_->mask_sliding : buffers_->mask, tokens, tokens,
                                   static_cast<size_t>(tokens) * sizeof(float), 0);
  return {api_.ggml_view_1d(context, buffers_->positions, tokens, 0), sight,
          f.rope_factors.empty() ? nullptr : base_->find(f.rope_factors)};
}

Dropout Trainer::dropout(ggml_context* context, int64_t tokens) const {
  if (options_.dropout <= 0 || !training_) return {};
  const auto view = [&](ggml_tensor* t) { return api_.ggml_view_2d(context, t, t->ne[0], tokens, t->nb[1], 0); };
  return {view(buffers_->drops[0]), view(buffers_->drops[1]), view(buffers_->drops[2]), view(buffers_->drops[3])};
}

void Trainer::embed(int64_t tokens) {
  constexpr size_t kNodes = 16;
  TensorContext context(api_, kNodes, kNodes);
  ggml_context* c = context.get();
  ggml_tensor* found =
      api_.ggml_get_rows(c, weight("token_embd.weight").value, api_.ggml_view_1d(c, buffers_->ids, tokens, 0));
  const float scale = options_.family.embedding_scale;
  if (scale != 1) found = api_.ggml_scale(c, found, scale);
  ggml_cgraph* graph = api_.ggml_new_graph_custom(c, kNodes, false);
  api_.ggml_build_forward_expand(graph, api_.ggml_cpy(c, found, states(c, 0, tokens)));
  buffers_->shared.allocate(graph);
  compute(api_, backend_, graph);
}

/// Gradients of embeddings that occur several times add up, which no operator of every backend does.
void Trainer::embed_back(const TrainRow& row) {
  const Weight embeddings = weight("token_embd.weight");
  const Family& f = options_.family;
  const auto width = static_cast<size_t>(f.embedding);
  std::vector<float> gradients(width * static_cast<size_t>(row.tokens)), line(width);
  api_.ggml_backend_tensor_get(buffers_->gradients[0], gradients.data(), 0, gradients.size() * sizeof(float));
  std::set<int32_t> seen(row.ids, row.ids + row.tokens);
  for (int32_t id : seen) {
    const size_t at = static_cast<size_t>(id) * width * sizeof(float);
    api_.ggml_backend_tensor_get(embeddings.gradient, line.data(), at, width * sizeof(float));
    for (int64_t t = 0; t < row.tokens; ++t)
      if (row.ids[t] == id)
        for (size_t i = 0; i < width; ++i) line[i] += gradients[static_cast<size_t>(t) * width + i] * f.embedding_scale;
    api_.ggml_backend_tensor_set(embeddings.gradient, line.data(), at, width * sizeof(float));
  }
}

void Trainer::check_supported(ggml_cgraph* graph) {
  if (is_cpu_) return;
  ggml_backend_dev_t device = api_.ggml_backend_get_device(backend_);
  for (int i = 0; i < api_.ggml_graph_n_nodes(graph); ++i) {
    const ggml_tensor* node = api_.ggml_graph_node(graph, i);
    if (!api_.ggml_backend_dev_supports_op(device, node))
      throw CodedError("train.unsupportedOperation",
                       {{"device", options_.device}, {"operation", std::string(api_.ggml_op_desc(node))}});
  }
}

/// From the gradient of what came out of a layer to that of what went in, and to its parameters'.
std::vector<ggml_tensor*> Trainer::go_back(Tape& tape, Var* in, Var* out, int64_t layer, int64_t tokens) const {
  ggml_context* c = tape.context();
  const auto gradient = [&](int64_t index) {
    ggml_tensor* whole = buffers_->gradients[index % 2];
    return api_.ggml_view_2d(c, whole, whole->ne[0], tokens, whole->nb[1], 0);
  };
  std::vector<ggml_tensor*> results = tape.backward(out, gradient(layer + 1));
  if (in->wanted) results.push_back(api_.ggml_cpy(c, in->gradient, gradient(layer)));
  return results;
}

std::unique_ptr<Trainer::LayerPass> Trainer::run_layer(int64_t layer, int64_t tokens, bool keep) {
  base_->hold(layer);
  fill_dropout(layer, tokens);
  auto pass = std::make_unique<LayerPass>(api_);
  ggml_context* c = pass->context.get();
  pass->tape = tape(c);
  const bool goes_on = training_ && (layer > lowest_ || embeddings_trained_);
  Var* in = pass->tape->input(states(c, layer, tokens), goes_on);
  Var* out = add_block(*pass->tape, options_.family, layer, block(layer), row_tensors(c, layer, tokens),
                       dropout(c, tokens), in);
  pass->forward = api_.ggml_new_graph_custom(c, kGraphNodes, false);
  api_.ggml_build_forward_expand(pass->forward, api_.ggml_cpy(c, out->value, states(c, layer + 1, tokens)));
  if (keep) {
    // Both ways are in one graph, of which the part behind the forward graph is run later: what it reads of that has to
    // stay.
    pass->results = go_back(*pass->tape, in, out, layer, tokens);
    std::set<const ggml_tensor*> first;
    for (int i = 0; i < api_.ggml_graph_n_nodes(pass->forward); ++i)
      first.insert(api_.ggml_graph_node(pass->forward, i));
    ggml_cgraph* all = api_.ggml_new_graph_custom(c, kGraphNodes, false);
    for (ggml_tensor* result : pass->results) api_.ggml_build_forward_expand(all, result);
    check_supported(all);
    for (int i = 0; i < api_.ggml_graph_n_nodes(all); ++i) {
      ggml_tensor* node = api_.ggml_graph_node(all, i);
      if (first.contains(node)) continue;
      for (ggml_tensor* source : node->src) {
        if (source == nullptr || !first.contains(source)) continue;
        api_.ggml_set_output(source);
        if (source->view_src != nullptr) api_.ggml_set_output(source->view_src);
      }
    }
  }
  check_supported(pass->forward);
  GraphMemory& memory = keep ? *buffers_->kept[static_cast<size_t>(layer)] : buffers_->shared;
  memory.allocate(pass->forward);
  compute(api_, backend_, pass->forward);
  return keep ? std::move(pass) : nullptr;
}

void Trainer::run_layer_back(int64_t layer, int64_t tokens, std::unique_ptr<LayerPass> kept) {
  base_->hold(layer);
  fill_dropout(layer, tokens);
  if (kept == nullptr) {
    kept = std::make_unique<LayerPass>(api_);
    ggml_context* c = kept->context.get();
    kept->tape = tape(c);
    Var* in = kept->tape->input(states(c, layer, tokens), layer > lowest_ || embeddings_trained_);
    Var* out = add_block(*kept->tape, options_.family, layer, block(layer), row_tensors(c, layer, tokens),
                         dropout(c, tokens), in);
    kept->results = go_back(*kept->tape, in, out, layer, tokens);
  } else {
    // What has been computed becomes something given.
    for (int i = 0; i < api_.ggml_graph_n_nodes(kept->forward); ++i) {
      ggml_tensor* node = api_.ggml_graph_node(kept->forward, i);
      node->op = GGML_OP_NONE;
      std::fill(std::begin(node->src), std::end(node->src), nullptr);
    }
  }
  ggml_cgraph* graph = api_.ggml_new_graph_custom(kept->context.get(), kGraphNodes, false);
  for (ggml_tensor* result : kept->results) api_.ggml_build_forward_expand(graph, result);
  check_supported(graph);
  buffers_->shared.allocate(graph);
  compute(api_, backend_, graph);
}

RowResult Trainer::run(const TrainRow& row, bool train, const JobControl& control) {
  const Family& f = options_.family;
  check_row(row, options_.most_tokens, f.vocabulary);
  training_ = train;
  fill_row(row);
  embed(row.tokens);
  std::vector<std::unique_ptr<LayerPass>> kept(static_cast<size_t>(f.layers));
  for (int64_t layer = 0; layer < f.layers; ++layer) {
    control.stop_if_cancelled();
    const bool keep = train && !options_.checkpointing && layer >= lowest_;
    kept[static_cast<size_t>(layer)] = run_layer(layer, row.tokens, keep);
  }
  const RowResult result = run_head(row, train, control);
  if (!train) return result;
  for (int64_t layer = f.layers - 1; layer >= lowest_; --layer) {
    control.stop_if_cancelled();
    run_layer_back(layer, row.tokens, std::move(kept[static_cast<size_t>(layer)]));
  }
  if (embeddings_trained_) embed_back(row);
  ++rows_of_step_;
  return result;
}

RowResult Trainer::accumulate(const TrainRow& row, const JobControl& control) { return run(row, true, control); }

RowResult Trainer::evaluate(const TrainRow& row, const JobControl& control) { return run(row, false, control); }

}  // namespace lathe
