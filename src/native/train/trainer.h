#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/base.h"
#include "train/block.h"

namespace lathe {

struct LoraModule {
  std::string tensor;  // such as blk.0.attn_q.weight
  int64_t rank;
  float scale;  // alpha / rank, or alpha / √rank
};

struct TrainerOptions {
  std::string path;    // a GGUF file
  std::string device;  // ggml's name; "CPU" is the processor
  int threads = 1;
  int64_t most_tokens = 0;  // of a row
  Family family;
  std::vector<LoraModule> modules;
  std::vector<std::string> whole;  // tensors that are trained as they are, in float32
  float dropout = 0;
  bool dora = false;
  /// Keep only what goes into each layer, and compute the rest again on the way back.
  bool checkpointing = true;
  bool streaming = false;
  uint64_t seed = 0;
};

/// A row of tokens: one sample, or several that do not see each other.
struct TrainRow {
  int64_t tokens;
  const int32_t* ids;
  const int32_t* positions;  // of a sample's tokens, rising one by one
  const int32_t* segments;  // of one number for each sample, whose tokens lie together; −1: padding, which sees nothing
  const int32_t* labels;    // the token that should follow; −1: not trained
  const float* weights;     // of each label in the loss
};

/// Sums over the trained tokens of a row.
struct RowResult {
  double loss = 0;  // weighted negative log-likelihood
  double weight = 0;
  int64_t trained = 0;
  int64_t correct = 0;  // the likeliest token was the label
  double entropy = 0;   // of the predictions, in nats
};

/// Bytes of what a trainer holds on its device.
struct TrainerMemory {
  size_t weights, parameters, states, graphs;
};

/// Trains low-rank adapters beside frozen weights of any type, or weights themselves, on any of ggml's backends. One
/// small graph for each layer and direction; nothing but the parameters' gradients outlives a row. Sums run in one
/// order whatever the number of threads, so that a run on the processor can be repeated to the bit.
class Trainer {
 public:
  /// Throws CodedError train.badModel, train.noDevice, train.outOfMemory, train.unsupportedOperation.
  Trainer(const GgmlApi& api, const TrainerOptions& options, JobControl& control);
  ~Trainer();

  Parameters& parameters() { return *parameters_; }
  TrainerMemory memory() const;

  /// Adds the row's gradients, each token weighed, to those that are there.
  RowResult accumulate(const TrainRow& row, const JobControl& control);
  RowResult evaluate(const TrainRow& row, const JobControl& control);
  UpdateResult update(const UpdateOptions& options);
  void discard();

 private:
  struct LayerPass;
  struct Buffers;

  Weight weight(const std::string& name) const;
  Linear linear(const std::string& name) const;
  BlockWeights block(int64_t layer) const;
  void describe_parameters();
  void allocate_states();
  void fill_row(const TrainRow& row);
  void fill_dropout(int64_t layer, int64_t tokens);
  std::unique_ptr<Tape> tape(ggml_context* context) const;
  ggml_tensor* states(ggml_context* context, int64_t index, int64_t tokens) const;
  RowTensors row_tensors(ggml_context* context, int64_t layer, int64_t tokens) const;
  Dropout dropout(ggml_context* context, int64_t tokens) const;
  void embed(int64_t tokens);
  std::vector<ggml_tensor*> go_back(Tape& tape, Var* in, Var* out, int64_t layer, int64_t tokens) const;
  std::unique_ptr<LayerPass> run_layer(int64_t layer, int64_t tokens, bool keep);
  void run_layer_back(int64_t layer, int64_t tokens, std::unique_ptr<LayerPass> kept);
  RowResult run_head(const TrainRow& row, bool train, const JobControl& control);
  void embed_back(const TrainRow& row);
  RowResult run(const TrainRow& row, bool train, const JobControl& control);
  void check_supported(ggml_cgraph* graph);

  const GgmlApi& api_;
  TrainerOptions options_;
  ggml_backend_t backend_ = nullptr;
  bool is_cpu_ = true;
  float loss_scale_ = 1;
  std::unique_ptr<BaseWeights> base_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<Buffers> buffers_;
  /// The lowest layer with something trained in it; below it nothing goes back.
  int64_t lowest_ = 0;
  bool embeddings_trained_ = false;
  int64_t rows_of_step_ = 0;
  bool training_ = false;
  /// Samples of the row that is at work.
  std::vector<Stretch> stretches_;
};

}  // namespace lathe
