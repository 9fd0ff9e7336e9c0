#include "train/parameters.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

/// Floats of a row of the flat tensors: the optimizer's operators share out rows.
constexpr int64_t kRow = 1024;
/// Where a tensor may begin, in floats: 256 bytes, the coarsest that a graphics card asks for.
constexpr int64_t kAlignment = 64;

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

}  // namespace

Parameter& Parameters::add(std::string name, ParameterKind kind, int64_t columns, int64_t rows) {
  return parameters_.emplace_back(Parameter{std::move(name), kind, rows, columns});
}

void Parameters::allocate() {
  for (int kind = 0; kind < kParameterKinds; ++kind) {
    const int64_t begin = size_;
    for (Parameter& parameter : parameters_) {
      if (static_cast<int>(parameter.kind) != kind) continue;
      parameter.offset = size_;
      size_ += round_up(parameter.rows * parameter.columns, kAlignment);
    }
    size_ = round_up(size_, kRow);
    sections_[kind].row = begin / kRow;
    sections_[kind].rows = (size_ - begin) / kRow;
  }
  ggml_context* context = context_.get();
  for (ggml_tensor** flat : {&values_, &gradients_, &first_, &second_})
    *flat = api_.ggml_new_tensor_2d(context, GGML_TYPE_F32, kRow, std::max<int64_t>(1, size_ / kRow));
  for (Section& section : sections_) section.settings = api_.ggml_new_tensor_1d(context, GGML_TYPE_F32, 7);
  for (Parameter& p : parameters_) {
    const auto place = [&](ggml_tensor* flat) {
      return api_.ggml_view_2d(context, flat, p.columns, p.rows, static_cast<size_t>(p.columns) * sizeof(float),
                               static_cast<size_t>(p.offset) * sizeof(float));
    };
    p.value = place(values_);
    p.gradient = place(gradients_);
  }
  lathe::allocate(api_, context, backend_, buffer_);
  for (ggml_tensor* flat : {values_, gradients_, first_, second_})
    api_.ggml_backend_tensor_memset(flat, 0, 0, api_.ggml_nbytes(flat));
}

ggml_tensor* Parameters::flat(Part part) const {
  return part == Part::kValues ? values_ : part == Part::kFirstMoments ? first_ : second_;
}

void Parameters::read(Part part, float* out) const {
  if (size_ > 0) api_.ggml_backend_tensor_get(flat(part), out, 0, static_cast<size_t>(size_) * sizeof(float));
}

void Parameters::write(Part part, const float* values) {
  if (size_ > 0) api_.ggml_backend_tensor_set(flat(part), values, 0, static_cast<size_t>(size_) * sizeof(float));
}

void Parameters::write(const Parameter& parameter, const float* values) {
  api_.ggml_backend_tensor_set(values_, values, static_cast<size_t>(parameter.offset) * sizeof(float),
                               static_cast<size_t>(parameter.rows * parameter.columns) * sizeof(float));
}

void Parameters::clear_gradients() { api_.ggml_backend_tensor_memset(gradients_, 0, 0, api_.ggml_nbytes(gradients_)); }

UpdateResult Parameters::update(const UpdateOptions& options) {
  constexpr size_t kNodes = 64;
  TensorContext context(api_, kNodes, kNodes);
  ggml_context* c = context.get();
  const int64_t rows = std::max<int64_t>(1, size_ / kRow);

  GraphMemory memory(api_, backend_);
  ggml_cgraph* sums_graph = api_.ggml_new_graph_custom(c, kNodes, false);
  ggml_tensor* sums = api_.ggml_sum_rows(c, api_.ggml_sqr(c, gradients_));
  api_.ggml_set_output(sums);
  api_.ggml_build_forward_expand(sums_graph, sums);
  memory.allocate(sums_graph);
  compute(api_, backend_, sums_graph);
  std::vector<float> row_sums(static_cast<size_t>(rows));
  api_.ggml_backend_tensor_get(sums, row_sums.data(), 0, row_sums.size() * sizeof(float));
  double total = 0;
  for (float sum : row_sums) total += sum;
  const double norm = std::sqrt(total) * static_cast<double>(options.gradient_scale);
  if (!std::isfinite(norm)) {
    clear_gradients();
    return {norm, false};
  }
  // torch.nn.utils.clip_grad_norm_ adds the same 1e-6.
  const double clip = options.max_norm > 0 ? std::min(1.0, static_cast<double>(options.max_norm) / (norm + 1e-6)) : 1.0;
  const auto factor = static_cast<float>(static_cast<double>(options.gradient_scale) * clip);

  ++updates_;
  const auto corrected = [this](float beta) {
    return static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(beta), static_cast<double>(updates_))));
  };
  ggml_cgraph* graph = api_.ggml_new_graph_custom(c, kNodes, false);
  ggml_tensor* scaled = factor == 1 ? gradients_ : api_.ggml_scale_inplace(c, gradients_, factor);
  api_.ggml_build_forward_expand(graph, scaled);
  for (int kind = 0; kind < kParameterKinds; ++kind) {
    const Section& section = sections_[kind];
    if (section.rows == 0) continue;
    const bool is_b = kind == static_cast<int>(ParameterKind::kLoraB);
    const float rate = is_b ? options.learning_rate_b : options.learning_rate;
    const float decay = kind == static_cast<int>(ParameterKind::kVector) ? 0 : options.weight_decay;
    const auto part = [&](ggml_tensor* flat) {
      return api_.ggml_view_2d(c, flat, kRow, section.rows, flat->nb[1],
                               static_cast<size_t>(section.row) * flat->nb[1]);
    };
    ggml_tensor* values = part(values_);
    values->flags |= GGML_TENSOR_FLAG_PARAM;  // ggml_set_param takes no views
    if (options.sgd) {
      const float settings[] = {rate, decay};
      api_.ggml_backend_tensor_set(section.settings, settings, 0, sizeof settings);
      ggml_tensor* two = api_.ggml_view_1d(c, section.settings, 2, 0);
      api_.ggml_build_forward_expand(graph, api_.ggml_opt_step_sgd(c, values, part(scaled), two));
    } else {
      const float settings[] = {rate,
                                options.beta1,
                                options.beta2,
                                options.epsilon,
                                decay,
                                corrected(options.beta1),
                                corrected(options.beta2)};
      api_.ggml_backend_tensor_set(section.settings, settings, 0, sizeof settings);
      api_.ggml_build_forward_expand(
          graph, api_.ggml_opt_step_adamw(c, values, part(scaled), part(first_), part(second_), section.settings));
    }
  }
  memory.allocate(graph);
  compute(api_, backend_, graph);
  clear_gradients();
  return {norm, true};
}

}  // namespace lathe
