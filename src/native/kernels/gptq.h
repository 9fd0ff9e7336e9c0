#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "cholesky.h"
#include "workers.h"

namespace lathe {

/// GPTQ, "Accurate Post-Training Quantization for Generative Pre-trained Transformers" (arXiv 2210.17323), with the
/// grouping rules of its reference code: parameters of a group are found on the weights as they are when the group
/// begins, lazy updates of earlier blocks of 128 columns included and feedback within the block not.
struct GptqOptions {
  int bits = 4;             // 2, 3, 4 or 8
  int64_t group_size = -1;  // inputs that share a scale; -1: the whole row
  bool symmetric = true;    // zero point fixed at half of the range
  bool act_order = false;   // columns in order of falling Hessian diagonal
  bool static_groups = false;  // with act_order: groups are runs of the original columns, found before any update
  float damping = 0.01f;       // share of the mean diagonal that is added to the diagonal
  int damping_retries = 4;     // each one with ten times the damping, when the Hessian is not positive definite
  bool signed_scales = false;  // symmetric only: search scales of both signs for the least squared error
  float mse_exponent = 0.0f;   // > 0: shrink each range to the least Σ|error|^exponent; the reference uses 2.4
};

struct GptqResult {
  std::vector<uint8_t> codes;    // [rows × columns], in the original column order
  std::vector<uint16_t> scales;  // [groups × rows], float16: the bits that are stored
  std::vector<int32_t> zeros;    // [groups × rows]
  std::vector<int32_t> g_idx;    // [columns]: the group of each input
  int64_t groups = 0;
  double loss = 0;           // Σ (w − dq)² / d² / 2 over all weights: the paper's objective
  float damping = 0;         // what was needed in the end
  int64_t dead_columns = 0;  // inputs that were always zero; their weights become zero
  bool fell_back = false;    // the Hessian could not be used: rounded to nearest instead
};

/// Quantize weight[rows × columns] against hessian[columns × columns], both row-major; both are used up. Scales are
/// rounded to float16 before the codes are chosen, so the stored numbers are those that the codes were chosen for.
/// A Hessian that stays indefinite through every retry, holds NaN, or is zero everywhere gives round-to-nearest and `fell_back`.
/// Throws Cancelled.
GptqResult gptq_quantize(int64_t rows, int64_t columns, float* weight, float* hessian, const GptqOptions& options,
                         Workers& workers, const std::atomic<bool>* cancelled);

}  // namespace lathe
