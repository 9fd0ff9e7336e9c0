#include "train/tape.h"

#include "train/cpu_rows.h"

namespace lathe {

Var* Tape::make(ggml_tensor* value, bool wanted) { return &vars_.emplace_back(Var{value, wanted}); }

void Tape::add_gradient(Var* x, ggml_tensor* gradient) {
  if (x->wanted) x->gradient = x->gradient == nullptr ? gradient : api_.ggml_add(context_, x->gradient, gradient);
}

void Tape::rule(Var* out, std::function<void(ggml_tensor*)> back) {
  if (!out->wanted) return;
  rules_.push_back([out, back = std::move(back)] {
    if (out->gradient != nullptr) back(out->gradient);
  });
}

std::vector<ggml_tensor*> Tape::backward(Var* last, ggml_tensor* gradient) {
  last->gradient = gradient;
  for (auto back = rules_.rbegin(); back != rules_.rend(); ++back) (*back)();
  return results_;
}

void Tape::add_row_sum(ggml_tensor* sum, ggml_tensor* values) {
  const int64_t columns = values->ne[0];
  ggml_tensor* flat = api_.ggml_reshape_2d(context_, values, columns, api_.ggml_nelements(values) / columns);
  ggml_tensor* turned = api_.ggml_cont(context_, api_.ggml_transpose(context_, flat));
  ggml_tensor* sums = api_.ggml_reshape_2d(context_, api_.ggml_sum_rows(context_, turned), sum->ne[0], sum->ne[1]);
  results_.push_back(api_.ggml_add_inplace(context_, sum, sums));
}

Var* Tape::add(Var* a, Var* b) {
  Var* out = make(api_.ggml_add(context_, a->value, b->value), a->wanted || b->wanted);
  rule(out, [=, this](ggml_tensor* d) {
    add_gradient(a, d);
    add_gradient(b, d);
  });
  return out;
}

Var* Tape::scale(Var* x, float factor) {
  if (factor == 1) return x;
  Var* out = make(api_.ggml_scale(context_, x->value, factor), x->wanted);
  rule(out, [=, this](ggml_tensor* d) { add_gradient(x, api_.ggml_scale(context_, d, factor)); });
  return out;
}

Var* Tape::softcap(Var* x, float c) {
  if (c == 0) return x;
  ggml_tensor* t = api_.ggml_tanh(context_, api_.ggml_scale(context_, x->value, 1 / c));
  Var* out = make(api_.ggml_scale(context_, t, c), x->wanted);
  rule(out, [=, this](ggml_tensor* d) {
    ggml_tensor* slope = api_.ggml_scale_bias(context_, api_.ggml_sqr(context_, t), -1, 1);
    add_gradient(x, api_.ggml_mul(context_, d, slope));
  });
  return out;
}

Var* Tape::reshape(Var* x, int64_t ne0, int64_t ne1, int64_t ne2) {
  Var* out = make(api_.ggml_reshape_3d(context_, x->value, ne0, ne1, ne2), x->wanted);
  rule(out, [=, this](ggml_tensor* d) {
    const ggml_tensor* v = x->value;
    ggml_tensor* whole = api_.ggml_is_contiguous(d) ? d : api_.ggml_cont(context_, d);
    add_gradient(x, api_.ggml_reshape_3d(context_, whole, v->ne[0], v->ne[1], v->ne[2]));
  });
  return out;
}

std::vector<Var*> Tape::split(Var* x, const std::vector<int64_t>& sizes) {
  std::vector<Var*> parts;
  size_t offset = 0;
  // Its rule runs after those of all that uses the parts.
  rules_.push_back({});
  const size_t place = rules_.size() - 1;
  for (int64_t size : sizes) {
    ggml_tensor* part = api_.ggml_view_2d(context_, x->value, size, x->value->ne[1], x->value->nb[1], offset);
    parts.push_back(make(api_.ggml_cont(context_, part), x->wanted));
    offset += static_cast<size_t>(size) * sizeof(float);
  }
  rules_[place] = [this, x, parts] {
    if (!x->wanted) return;
    ggml_tensor* whole = nullptr;
    for (Var* part : parts) {
      ggml_tensor* d = api_.ggml_reshape_2d(context_, part->gradient, part->value->ne[0], part->value->ne[1]);
      whole = whole == nullptr ? d : api_.ggml_concat(context_, whole, d, 0);
    }
    add_gradient(x, whole);
  };
  return parts;
}

Var* Tape::rms_norm(Var* x, const Weight& weight, float epsilon) {
  ggml_tensor* h = api_.ggml_rms_norm(context_, x->value, epsilon);
  Var* out = make(api_.ggml_mul(context_, h, weight.value), x->wanted || weight.gradient != nullptr);
  rule(out, [=, this](ggml_tensor* d) {
    if (weight.gradient != nullptr) add_row_sum(weight.gradient, api_.ggml_mul(context_, d, h));
    if (!x->wanted) return;
    if (is_cpu_) {
      ggml_tensor* whole = api_.ggml_is_contiguous(d) ? d : api_.ggml_cont(context_, d);
      return add_gradient(x, cpu_rms_norm_back(api_, context_, whole, x->value, weight.value, epsilon));
    }
    ggml_tensor* dh = api_.ggml_mul(context_, d, weight.value);
    // (dh − h · mean(dh · h)) / √(mean(x²) + ε)
    const float share = 1 / static_cast<float>(h->ne[0]);
    ggml_tensor* along = api_.ggml_scale(context_, api_.ggml_sum_rows(context_, api_.ggml_mul(context_, dh, h)), share);
    ggml_tensor* squares = api_.ggml_sum_rows(context_, api_.ggml_sqr(context_, x->value));
    ggml_tensor* length = api_.ggml_sqrt(context_, api_.ggml_scale_bias(context_, squares, share, epsilon));
    ggml_tensor* rest = api_.ggml_sub(context_, dh, api_.ggml_mul(context_, h, along));
    add_gradient(x, api_.ggml_div(context_, rest, length));
  });
  return out;
}

Var* Tape::rope(Var* x, ggml_tensor* positions, ggml_tensor* factors, const Family& f, const Rope& rope) {
  const int mode = f.rope_neox ? GGML_ROPE_TYPE_NEOX : 0;
  const auto turn = [=, this, &f](decltype(api_.ggml_rope_ext) function, ggml_tensor* t) {
    return function(context_, t, positions, factors, f.rope_dimensions, mode, f.rope_original_context, rope.base,
                    rope.scale, f.yarn_ext_factor, f.yarn_attention_factor, f.yarn_beta_fast, f.yarn_beta_slow);
  };
  Var* out = make(turn(api_.ggml_rope_ext, x->value), x->wanted);
  rule(out, [=, this](ggml_tensor* d) {
    ggml_tensor* whole = api_.ggml_is_contiguous(d) ? d : api_.ggml_cont(context_, d);
    add_gradient(x, turn(api_.ggml_rope_ext_back, whole));
  });
  return out;
}

Var* Tape::gated(Var* gate, Var* up, bool gelu) {
  if (is_cpu_ && !gelu) {
    Var* out = make(cpu_swiglu(api_, context_, gate->value, up->value), gate->wanted || up->wanted);
    rule(out, [=, this](ggml_tensor* d) {
      ggml_tensor* whole = api_.ggml_is_contiguous(d) ? d : api_.ggml_cont(context_, d);
      const SwigluBack back = cpu_swiglu_back(api_, context_, whole, gate->value, up->value);
      add_gradient(gate, back.gate);
      add_gradient(up, back.up);
    });
    return out;
  }
  ggml_tensor *g = gate->value, *t = nullptr, *act;
  constexpr float kRoot = 0.79788456080286535588f;  // √(2 / π)
  constexpr float kCubic = 0.044715f;
  if (gelu) {
    // 0.5 x (1 + tanh(√(2/π) x (1 + 0.044715 x²))): ggml's own operator looks it up in a table of half precision.
    ggml_tensor* inner =
        api_.ggml_mul(context_, g, api_.ggml_scale_bias(context_, api_.ggml_sqr(context_, g), kRoot * kCubic, kRoot));
    t = api_.ggml_tanh(context_, inner);
    act = api_.ggml_mul(context_, g, api_.ggml_scale_bias(context_, t, 0.5f, 0.5f));
  } else {
    act = api_.ggml_silu(context_, g);
  }
  Var* out = make(api_.ggml_mul(context_, act, up->value), gate->wanted || up->wanted);
  rule(out, [=, this](ggml_tensor* d) {
    add_gradient(up, api_.ggml_mul(context_, d, act));
    if (!gate->wanted) return;
    ggml_tensor* da = api_.ggml_mul(context_, d, up->value);
    if (!gelu) return add_gradient(gate, api_.ggml_silu_back(context_, da, g));
    // 0.5 (1 + t) + 0.5 x (1 − t²) √(2/π) (1 + 3 · 0.044715 x²)
    ggml_tensor* bend = api_.ggml_scale_bias(context_, api_.ggml_sqr(context_, g), 1.5f * kRoot * kCubic, 0.5f * kRoot);
    ggml_tensor* steep = api_.ggml_mul(context_, api_.ggml_scale_bias(context_, api_.ggml_sqr(context_, t), -1, 1),
                                       api_.ggml_mul(context_, g, bend));
    ggml_tensor* slope = api_.ggml_add(context_, api_.ggml_scale_bias(context_, t, 0.5f, 0.5f), steep);
    add_gradient(gate, api_.ggml_mul(context_, da, slope));
  });
  return out;
}

}  // namespace lathe
