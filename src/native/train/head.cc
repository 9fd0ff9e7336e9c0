#include <algorithm>
#include <cmath>

#include "train/buffers.h"

namespace lathe {
namespace {

/// Logits that are held at once.
constexpr int64_t kMostLogits = 32 * 1024 * 1024;

}  // namespace

RowResult Trainer::run_head(const TrainRow& row, bool train, const JobControl& control) {
  const Family& f = options_.family;
  const Buffers& b = *buffers_;
  std::vector<int32_t> places, labels;
  std::vector<float> weights;
  for (int64_t t = 0; t < row.tokens; ++t) {
    if (row.labels[t] < 0) continue;
    places.push_back(static_cast<int32_t>(t));
    labels.push_back(row.labels[t]);
    weights.push_back(row.weights[t]);
  }
  if (train)
    api_.ggml_backend_tensor_memset(b.gradients[f.layers % 2], 0, 0, api_.ggml_nbytes(b.gradients[f.layers % 2]));
  RowResult result;
  const int64_t step =
      std::clamp<int64_t>(kMostLogits / f.vocabulary, 1, std::max<int64_t>(1, static_cast<int64_t>(places.size())));
  for (size_t first = 0; first < places.size(); first += static_cast<size_t>(step)) {
    control.stop_if_cancelled();
    const size_t count = std::min(static_cast<size_t>(step), places.size() - first);
    const auto tokens = static_cast<int64_t>(count);
    std::vector<int64_t> places_long(places.begin() + static_cast<int64_t>(first),
                                     places.begin() + static_cast<int64_t>(first + count));
    std::vector<int64_t> labels_long(labels.begin() + static_cast<int64_t>(first),
                                     labels.begin() + static_cast<int64_t>(first + count));
    std::vector<float> scaled(weights.begin() + static_cast<int64_t>(first),
                              weights.begin() + static_cast<int64_t>(first + count));
    for (float& weight : scaled) weight *= loss_scale_;
    api_.ggml_backend_tensor_set(b.places, places.data() + first, 0, count * sizeof(int32_t));
    api_.ggml_backend_tensor_set(b.labels, labels.data() + first, 0, count * sizeof(int32_t));
    api_.ggml_backend_tensor_set(b.places_long, places_long.data(), 0, count * sizeof(int64_t));
    api_.ggml_backend_tensor_set(b.labels_long, labels_long.data(), 0, count * sizeof(int64_t));
    api_.ggml_backend_tensor_set(b.weights, scaled.data(), 0, count * sizeof(float));

    LayerPass pass(api_);
    ggml_context* c = pass.context.get();
    pass.tape = tape(c);
    ggml_tensor* last = states(c, f.layers, row.tokens);
    const bool goes_back = train && lowest_ < f.layers;
    Var* h = pass.tape->input(api_.ggml_get_rows(c, last, api_.ggml_view_1d(c, b.places, tokens, 0)), goes_back);
    Linear head = linear("output");
    if (!head) head.weight = weight("token_embd.weight");
    Var* normed = pass.tape->rms_norm(h, weight("output_norm.weight"), f.norm_epsilon);
    Var* logits = pass.tape->softcap(pass.tape->linear(head, normed, nullptr), f.final_softcap);

    // Each token's probabilities as rows of one: then get_rows and set_rows pick out single ones, and no matrix of
    // labels is ever made. −log p of the label is (l_max − l_label) − log p_max, which does not underflow.
    ggml_tensor* l = logits->value;
    const auto singles = [&](ggml_tensor* t) { return api_.ggml_reshape_3d(c, t, 1, f.vocabulary, tokens); };
    ggml_tensor* wanted = api_.ggml_view_2d(c, b.labels, 1, tokens, sizeof(int32_t), 0);
    ggml_tensor* best = api_.ggml_argmax(c, l);
    ggml_tensor* best_places = api_.ggml_reshape_2d(c, best, 1, tokens);
    ggml_tensor* p = api_.ggml_soft_max(c, l);
    ggml_tensor* label_p = api_.ggml_get_rows(c, singles(p), wanted);
    ggml_tensor* outputs[] = {best, api_.ggml_get_rows(c, singles(l), best_places),
                              api_.ggml_get_rows(c, singles(l), wanted), api_.ggml_get_rows(c, singles(p), best_places),
                              api_.ggml_sum_rows(c, api_.ggml_mul(c, p, l))};
    ggml_cgraph* graph = api_.ggml_new_graph_custom(c, kGraphNodes, false);
    for (ggml_tensor* output : outputs) {
      api_.ggml_set_output(output);
      api_.ggml_build_forward_expand(graph, output);
    }
    if (train) {
      api_.ggml_build_forward_expand(graph, label_p);
      // p − 1 at the label, in place: all that reads p stands before it in the graph.
      ggml_tensor* wanted_long = api_.ggml_view_2d(c, b.labels_long, 1, tokens, sizeof(int64_t), 0);
      ggml_tensor* less = api_.ggml_set_rows(c, singles(p), api_.ggml_scale_bias(c, label_p, 1, -1), wanted_long);
      ggml_tensor* factors = api_.ggml_view_2d(c, b.weights, 1, tokens, sizeof(float), 0);
      ggml_tensor* gradient = api_.ggml_mul(c, api_.ggml_reshape_2d(c, less, f.vocabulary, tokens), factors);
      std::vector<ggml_tensor*> results = pass.tape->backward(logits, gradient);
      if (goes_back) {
        ggml_tensor* whole = b.gradients[f.layers % 2];
        ggml_tensor* target = api_.ggml_view_2d(c, whole, whole->ne[0], row.tokens, whole->nb[1], 0);
        results.push_back(api_.ggml_set_rows(c, target, h->gradient, api_.ggml_view_1d(c, b.places_long, tokens, 0)));
      }
      for (ggml_tensor* node : results) api_.ggml_build_forward_expand(graph, node);
    }
    check_supported(graph);
    buffers_->shared.allocate(graph);
    compute(api_, backend_, graph);

    std::vector<int32_t> likeliest(count);
    std::vector<float> most(count), label(count), most_p(count), expected(count);
    api_.ggml_backend_tensor_get(outputs[0], likeliest.data(), 0, count * sizeof(int32_t));
    float* numbers[] = {most.data(), label.data(), most_p.data(), expected.data()};
    for (size_t i = 0; i < 4; ++i) api_.ggml_backend_tensor_get(outputs[i + 1], numbers[i], 0, count * sizeof(float));
    for (size_t i = 0; i < count; ++i) {
      const double weight = weights[first + i];
      const double logarithm = std::log(static_cast<double>(most_p[i]));
      result.loss += weight * (static_cast<double>(most[i]) - static_cast<double>(label[i]) - logarithm);
      result.entropy += static_cast<double>(most[i]) - logarithm - static_cast<double>(expected[i]);
      result.weight += weight;
      ++result.trained;
      result.correct += likeliest[i] == labels[first + i] ? 1 : 0;
    }
  }
  return result;
}

}  // namespace lathe
