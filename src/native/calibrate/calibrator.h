#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "evaluate/model.h"
#include "kernels/workers.h"

namespace lathe {

struct CalibrationOptions {
  std::string model_path;
  int32_t context_length = 512;
  int64_t max_windows = 0;  // 0: the whole text
  int threads = 1;
};

/// What the inputs x of one weight matrix looked like.
struct InputStatistics {
  int64_t inputs = 0;
  int64_t matrices = 1;  // experts that lie in one tensor
  std::vector<float> square_sums;  // [matrices × inputs]: Σ x²
  std::vector<float> maxima;       // [matrices × inputs]: the largest |x|
  std::vector<int64_t> rows;       // [matrices]: how many x went in
};

/// Runs a model over a text and looks at what goes into its weight matrices, as llama.cpp's tools/imatrix does: windows of
/// `context_length` tokens, the first token of each replaced by BOS where the model adds one, all positions counted.
///
/// The weights are read through the file's mapping: a caller that overwrites a tensor in the file between two calls sees
/// the next one run with the new weights. GPTQ's "true sequential" calibration rests on that.
class Calibrator {
 public:
  /// Throws what Model and tokenize throw, and CodedError evaluate.textTooShort, evaluate.contextLength.
  Calibrator(const GgmlApi& api, const CalibrationOptions& options, const std::string& text, const JobControl& control);

  int64_t windows() const { return windows_; }

  /// Σ x² and the largest |x| of every weight matrix of the layers, by tensor name.
  std::map<std::string, InputStatistics> diagonals(JobControl& control);

  /// 2/n · Σ x·xᵀ [inputs × inputs] of the named matrices, which GPTQ calls the Hessian. Matrices that share their inputs
  /// share one result. Computation stops behind the last of them. A name that the model never multiplies is absent.
  struct SecondMoments {
    std::map<std::string, size_t> index;  // into `matrices`
    std::vector<std::vector<float>> matrices;
    std::vector<int64_t> inputs;
  };
  SecondMoments second_moments(const std::set<std::string>& names, JobControl& control);

 private:
  /// What is done with the inputs of a node that multiplies weights.
  class Observer;

  void run(Observer& observer, JobControl& control);

  const GgmlApi& api_;
  CalibrationOptions options_;
  Model model_;
  std::vector<llama_token> tokens_;
  int64_t windows_ = 0;
  Workers workers_;
};

}  // namespace lathe
