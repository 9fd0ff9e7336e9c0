#include "train/tape.h"

namespace lathe {

/// What each output is multiplied with: magnitude / ‖W + s B A‖. The length is taken as a constant, as the paper's
/// section 4.3 does: no gradient goes through it. Output by output, ‖W + s B A‖² = ‖W‖² + 2 s ⟨W Aᵀ, B⟩ + s² ⟨B A Aᵀ,
/// B⟩.
ggml_tensor* Tape::dora_factors(const Linear& linear, ggml_tensor*& lengths) {
  const Lora& lora = *linear.lora;
  const auto output_sums = [this](ggml_tensor* t) {
    return api_.ggml_reshape_1d(context_, api_.ggml_sum_rows(context_, t), t->ne[1]);
  };
  ggml_tensor* wa = products_->linear(linear.weight.value, lora.a->value);             // [outputs, rank]
  ggml_tensor* wa_rows = api_.ggml_cont(context_, api_.ggml_transpose(context_, wa));  // [rank, outputs]
  ggml_tensor* cross = output_sums(api_.ggml_mul(context_, wa_rows, lora.b->value));   // [outputs]
  ggml_tensor* aa = products_->nt(lora.a->value, lora.a->value);                       // [rank, rank]
  ggml_tensor* baa = products_->nt(aa, lora.b->value);                                 // [rank, outputs]
  ggml_tensor* own = output_sums(api_.ggml_mul(context_, baa, lora.b->value));
  ggml_tensor* squares = api_.ggml_add(context_, api_.ggml_scale(context_, cross, 2 * lora.scale),
                                       api_.ggml_scale(context_, own, lora.scale * lora.scale));
  lengths = api_.ggml_sqrt(context_, api_.ggml_add(context_, squares, lora.squares));
  return api_.ggml_div(context_, api_.ggml_reshape_1d(context_, lora.magnitude->value, lengths->ne[0]), lengths);
}

Var* Tape::linear(const Linear& linear, Var* x, ggml_tensor* drop) {
  const Weight &weight = linear.weight, &bias = linear.bias;
  ggml_tensor* y = products_->linear(weight.value, x->value);
  ggml_tensor *dropped = nullptr, *z = nullptr, *factors = nullptr, *lengths = nullptr, *stretched = nullptr;
  if (linear.lora) {
    const Lora& lora = *linear.lora;
    dropped = drop == nullptr ? x->value : api_.ggml_mul(context_, x->value, drop);
    z = api_.ggml_scale(context_, products_->nt(lora.a->value, dropped), lora.scale);
    y = products_->add_nt(y, lora.b->value, z, 1);
    if (lora.magnitude != nullptr) {
      factors = dora_factors(linear, lengths);
      stretched = y;
      y = api_.ggml_mul(context_, y, factors);
    }
  }
  if (bias) y = api_.ggml_add(context_, y, bias.value);
  Var* out = make(y, x->wanted || linear.lora || weight.gradient != nullptr || bias.gradient != nullptr);
  rule(out, [=, this, lora = linear.lora](ggml_tensor* d) {
    if (bias.gradient != nullptr) add_row_sum(bias.gradient, d);
    if (factors != nullptr) {
      // dm = Σ_T dy · (W + s B A) x / length
      ggml_tensor* products = api_.ggml_mul(context_, d, stretched);
      add_row_sum(lora->magnitude->gradient, api_.ggml_div(context_, products, lengths));
      d = api_.ggml_mul(context_, d, factors);
    }
    if (weight.gradient != nullptr) results_.push_back(products_->add_tt(weight.gradient, x->value, d, 1));
    ggml_tensor* dx = x->wanted ? products_->linear_back(weight.value, d) : nullptr;
    if (lora) {
      ggml_tensor* dz = products_->nn(lora->b->value, d);  // of the scaled z
      results_.push_back(products_->add_tt(lora->b->gradient, z, d, 1));
      results_.push_back(products_->add_tt(lora->a->gradient, dropped, dz, lora->scale));
      if (dx != nullptr) {
        if (drop == nullptr) {
          dx = products_->add_nn(dx, lora->a->value, dz, lora->scale);
        } else {
          ggml_tensor* through = products_->nn(lora->a->value, api_.ggml_scale(context_, dz, lora->scale));
          dx = api_.ggml_add(context_, dx, api_.ggml_mul(context_, through, drop));
        }
      }
    }
    if (dx != nullptr) add_gradient(x, dx);
  });
  return out;
}

}  // namespace lathe
