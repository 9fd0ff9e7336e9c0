#include "calibrate/calibrator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "coded_error.h"
#include "evaluate/tokenize.h"
#include "kernels/gemm.h"

namespace lathe {
namespace {

constexpr int32_t kLeastContext = 8;

/// A model's file maps where it lies: no layout of a backend's own, and nothing in the memory of a GPU.
Model::Options mapped(const std::string& path) {
  Model::Options options;
  options.path = path;
  options.plain_layout = true;
  return options;
}

/// Adds rows [count × inputs] to sums and maxima [inputs].
void add_rows(const float* rows, int64_t count, int64_t inputs, float* square_sums, float* maxima) {
  for (int64_t r = 0; r < count; ++r)
    for (int64_t i = 0; i < inputs; ++i) {
      const float x = rows[r * inputs + i];
      square_sums[i] += x * x;
      maxima[i] = std::max(maxima[i], std::fabs(x));
    }
}

}  // namespace

class Calibrator::Observer {
 public:
  explicit Observer(const GgmlApi& api) : api_(api) {}
  virtual ~Observer() = default;

  virtual bool wants(const ggml_tensor& node) const = 0;
  virtual void see(const ggml_tensor& node) = 0;
  /// A graph may be used again with the same nodes: what was remembered of them holds for one decode.
  virtual void begin_decode() {}
  /// From then on computing may stop behind the last node that was wanted.
  void finish_decode() {
    if (last_name_.empty()) last_name_ = latest_name_;
  }

  /// ggml asks twice for each node: whether its result is wanted, and then what to do with it; false stops computing.
  static bool callback(ggml_tensor* node, bool ask, void* data) {
    auto& self = *static_cast<Observer*>(data);
    if (self.failure_) return false;
    if (ask) return is_product(*node) && self.wants(*node);
    try {
      self.see(*node);
      self.latest_name_ = node->src[0]->name;
      return self.latest_name_ != self.last_name_;
    } catch (...) {
      // ggml is C: nothing may fly through it.
      self.failure_ = std::current_exception();
      return false;
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 protected:
  /// The inputs as rows of floats, wherever the backend has them.
  const float* rows(const ggml_tensor& inputs) {
    const bool is_dense = inputs.nb[0] == sizeof(float) && inputs.nb[1] == inputs.nb[0] * static_cast<size_t>(inputs.ne[0]) &&
                          inputs.nb[2] == inputs.nb[1] * static_cast<size_t>(inputs.ne[1]);
    if (inputs.type != GGML_TYPE_F32 || !is_dense)
      throw CodedError("calibrate.inputLayout", {{"tensor", std::string(inputs.name)}});
    buffer_.resize(api_.ggml_nbytes(&inputs) / sizeof(float));
    api_.ggml_backend_tensor_get(&inputs, buffer_.data(), 0, buffer_.size() * sizeof(float));
    return buffer_.data();
  }

  const GgmlApi& api_;

 private:
  static bool is_product(const ggml_tensor& node) { return node.op == GGML_OP_MUL_MAT || node.op == GGML_OP_MUL_MAT_ID; }

  std::vector<float> buffer_;
  std::string latest_name_;
  std::string last_name_;
  std::exception_ptr failure_;
};

Calibrator::Calibrator(const GgmlApi& api, const CalibrationOptions& options, const std::string& text,
                       const JobControl& control)
    : api_(api),
      options_(options),
      model_(api, mapped(options.model_path), control),
      tokens_(tokenize(model_, text, /*add_special=*/true, /*parse_special=*/false)),
      workers_(options.threads) {
  const int64_t longest = api_.llama_model_n_ctx_train(model_.get());
  if (options.context_length < kLeastContext || options.context_length > longest)
    throw CodedError("evaluate.contextLength", {{"contextLength", static_cast<double>(options.context_length)},
                                                {"least", static_cast<double>(kLeastContext)},
                                                {"limit", static_cast<double>(longest)}});
  windows_ = static_cast<int64_t>(tokens_.size()) / options.context_length;
  if (windows_ == 0)
    throw CodedError("evaluate.textTooShort", {{"tokens", static_cast<double>(tokens_.size())},
                                               {"needed", static_cast<double>(options.context_length)}});
  if (options.max_windows > 0) windows_ = std::min(windows_, options.max_windows);
}

void Calibrator::run(Observer& observer, JobControl& control) {
  const int32_t length = options_.context_length;
  llama_context_params params = api_.llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(length);
  params.n_batch = params.n_ubatch = static_cast<uint32_t>(length);
  params.n_threads = params.n_threads_batch = options_.threads;
  params.no_perf = true;
  params.cb_eval = Observer::callback;
  params.cb_eval_user_data = &observer;
  params.abort_callback = [](void* data) {
    return static_cast<const JobControl*>(data)->cancelled().load(std::memory_order_relaxed);
  };
  params.abort_callback_data = &control;
  const ProblemLog log;
  const std::unique_ptr<llama_context, decltype(&llama_free)> context(api_.llama_init_from_model(model_.get(), params),
                                                                      api_.llama_free);
  if (context == nullptr) throw CodedError("engine.insufficientMemory", {{"file", options_.model_path}}, log.text());
  llama_batch batch = api_.llama_batch_init(length, 0, 1);
  const std::unique_ptr<llama_batch, std::function<void(llama_batch*)>> owner(
      &batch, [this](llama_batch* owned) { api_.llama_batch_free(*owned); });
  const bool add_bos = api_.llama_vocab_get_add_bos(model_.vocabulary());
  for (int64_t window = 0; window < windows_; ++window) {
    control.stop_if_cancelled();
    control.report(static_cast<double>(window), static_cast<double>(windows_));
    api_.llama_memory_clear(api_.llama_get_memory(context.get()), true);
    batch.n_tokens = length;
    for (int32_t i = 0; i < length; ++i) {
      batch.token[i] = i == 0 && add_bos ? api_.llama_vocab_bos(model_.vocabulary()) : tokens_[static_cast<size_t>(window * length + i)];
      batch.pos[i] = i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      // The last layer is computed only where an output is asked for.
      batch.logits[i] = 1;
    }
    observer.begin_decode();
    const int32_t status = api_.llama_decode(context.get(), batch);
    observer.rethrow();
    control.stop_if_cancelled();
    if (status != 0) throw CodedError("evaluate.decodeFailed", {{"status", static_cast<double>(status)}}, log.text());
    api_.llama_synchronize(context.get());
    observer.finish_decode();
  }
  control.report(static_cast<double>(windows_), static_cast<double>(windows_));
}

std::map<std::string, InputStatistics> Calibrator::diagonals(JobControl& control) {
  class Diagonals : public Observer {
   public:
    using Observer::Observer;
    std::map<std::string, InputStatistics> found;

    bool wants(const ggml_tensor& node) const override { return std::strncmp(node.src[0]->name, "blk.", 4) == 0; }

    void see(const ggml_tensor& node) override {
      const ggml_tensor& weight = *node.src[0];
      const ggml_tensor& inputs = *node.src[1];
      InputStatistics& statistics = found[weight.name];
      if (statistics.inputs == 0) {
        statistics.inputs = weight.ne[0];
        statistics.matrices = node.op == GGML_OP_MUL_MAT_ID ? weight.ne[2] : 1;
        statistics.square_sums.resize(static_cast<size_t>(statistics.inputs * statistics.matrices));
        statistics.maxima.resize(statistics.square_sums.size());
        statistics.rows.resize(static_cast<size_t>(statistics.matrices));
      }
      const float* x = rows(inputs);
      if (node.op == GGML_OP_MUL_MAT) {
        const int64_t count = inputs.ne[1] * inputs.ne[2] * inputs.ne[3];
        add_rows(x, count, inputs.ne[0], statistics.square_sums.data(), statistics.maxima.data());
        statistics.rows[0] += count;
        return;
      }
      // Experts: inputs [in, used or 1, tokens]; ids [used, tokens] say which expert gets which.
      const ggml_tensor& ids = *node.src[2];
      for (int64_t token = 0; token < ids.ne[1]; ++token)
        for (int64_t slot = 0; slot < ids.ne[0]; ++slot) {
          int32_t expert = 0;
          api_.ggml_backend_tensor_get(&ids, &expert, static_cast<size_t>(token) * ids.nb[1] + static_cast<size_t>(slot) * ids.nb[0], sizeof expert);
          if (expert < 0 || expert >= statistics.matrices) continue;
          const float* row = x + (token * inputs.ne[1] + slot % inputs.ne[1]) * inputs.ne[0];
          const int64_t first = expert * statistics.inputs;
          add_rows(row, 1, inputs.ne[0], statistics.square_sums.data() + first, statistics.maxima.data() + first);
          ++statistics.rows[static_cast<size_t>(expert)];
        }
    }
  };
  Diagonals observer(api_);
  run(observer, control);
  return std::move(observer.found);
}

Calibrator::SecondMoments Calibrator::second_moments(const std::set<std::string>& names, JobControl& control) {
  class Moments : public Observer {
   public:
    Moments(const GgmlApi& api, const std::set<std::string>& names, Workers& workers)
        : Observer(api), names_(names), workers_(workers) {}

    SecondMoments found;
    std::vector<int64_t> counts;

    bool wants(const ggml_tensor& node) const override {
      return node.op == GGML_OP_MUL_MAT && names_.contains(node.src[0]->name);
    }

    void begin_decode() override { latest_inputs_ = nullptr; }

    void see(const ggml_tensor& node) override {
      const ggml_tensor& inputs = *node.src[1];
      const std::string name = node.src[0]->name;
      // Neighbours with the same inputs (q, k and v; gate and up) are the same sum.
      if (&inputs == latest_inputs_) {
        found.index.try_emplace(name, latest_index_);
        return;
      }
      const auto [place, is_new] = found.index.try_emplace(name, found.matrices.size());
      if (is_new) {
        found.matrices.emplace_back(static_cast<size_t>(inputs.ne[0] * inputs.ne[0]));
        found.inputs.push_back(inputs.ne[0]);
        counts.push_back(0);
      }
      latest_inputs_ = &inputs;
      latest_index_ = place->second;
      const int64_t count = inputs.ne[1] * inputs.ne[2] * inputs.ne[3];
      const MatrixView x = row_major(rows(inputs), inputs.ne[0]);
      gemm(inputs.ne[0], inputs.ne[0], count, 1.0f, transposed(x), x, found.matrices[place->second].data(), inputs.ne[0],
           workers_);
      counts[place->second] += count;
    }

   private:
    const std::set<std::string>& names_;
    Workers& workers_;
    const ggml_tensor* latest_inputs_ = nullptr;
    size_t latest_index_ = 0;
  };
  Moments observer(api_, names, workers_);
  run(observer, control);
  for (size_t i = 0; i < observer.found.matrices.size(); ++i) {
    const float scale = observer.counts[i] > 0 ? 2.0f / static_cast<float>(observer.counts[i]) : 0.0f;
    for (float& value : observer.found.matrices[i]) value *= scale;
  }
  return std::move(observer.found);
}

}  // namespace lathe
