#include "train/tape.h"

namespace lathe {
namespace {

/// Floats of scores that are held at once; beyond it each key head goes alone, and backward makes its scores again.
constexpr int64_t kMostScores = 32 * 1024 * 1024;

}  // namespace

/// The heads that share key heads [first, first + count): queries of a group lie one behind the other, so that their
/// sums over the group happen inside the products.
struct Tape::Head {
  ggml_tensor *q, *k, *v;    // [key, T · group, count], [key, T, count], [value, T, count]
  ggml_tensor* capped_tanh;  // tanh of the scores where there is a cap
  ggml_tensor* p;            // [T, T, group · count]
  ggml_tensor* out;          // [value, T · group, count]
};

Var* Tape::attention(Var* q, Var* k, Var* v, const Sight& sight, float scale, float cap) {
  if (is_cpu_) return cpu_attention(q, k, v, sight, scale, cap);
  const int64_t key = q->value->ne[0], value = v->value->ne[0], heads = q->value->ne[1], kv_heads = k->value->ne[1],
                tokens = q->value->ne[2];
  const int64_t group = heads / kv_heads;
  const auto by_head = [this](ggml_tensor* t) {
    return api_.ggml_cont(context_, api_.ggml_permute(context_, t, 0, 2, 1, 3));
  };
  ggml_tensor* all_q = api_.ggml_reshape_3d(context_, by_head(q->value), key, tokens * group, kv_heads);
  ggml_tensor *all_k = by_head(k->value), *all_v = by_head(v->value);
  const bool one_by_one = kv_heads > 1 && tokens * tokens * heads > kMostScores;
  const int64_t step = one_by_one ? 1 : kv_heads;

  const auto part = [this](ggml_tensor* t, int64_t first, int64_t count) {
    return count == t->ne[2] ? t
                             : api_.ggml_view_3d(context_, t, t->ne[0], t->ne[1], count, t->nb[1], t->nb[2],
                                                 static_cast<size_t>(first) * t->nb[2]);
  };
  const auto attend = [=, this](int64_t first) {
    Head h{part(all_q, first, step), part(all_k, first, step), part(all_v, first, step), nullptr, nullptr, nullptr};
    ggml_tensor* s = api_.ggml_reshape_3d(context_, products_->nt(h.k, h.q), tokens, tokens, group * step);
    if (cap != 0) {
      h.capped_tanh = api_.ggml_tanh(context_, api_.ggml_scale(context_, s, scale / cap));
      s = api_.ggml_scale(context_, h.capped_tanh, cap);
    }
    h.p = api_.ggml_soft_max_ext(context_, s, sight.mask, cap != 0 ? 1 : scale, 0);
    h.out = products_->nn(h.v, api_.ggml_reshape_3d(context_, h.p, tokens, tokens * group, step));
    return h;
  };
  std::vector<Head> parts;
  ggml_tensor* all = nullptr;
  for (int64_t first = 0; first < kv_heads; first += step) {
    parts.push_back(attend(first));
    all = all == nullptr ? parts.back().out : api_.ggml_concat(context_, all, parts.back().out, 2);
  }
  const auto by_token = [=, this](ggml_tensor* t, int64_t length, int64_t count) {
    ggml_tensor* apart = api_.ggml_reshape_3d(context_, t, length, tokens, count);
    return api_.ggml_cont(context_, api_.ggml_permute(context_, apart, 0, 2, 1, 3));
  };
  ggml_tensor* joined = api_.ggml_reshape_2d(context_, by_token(all, value, heads), value * heads, tokens);
  Var* out = make(joined, q->wanted || k->wanted || v->wanted);

  rule(out, [=, this](ggml_tensor* d) {
    ggml_tensor* whole = api_.ggml_is_contiguous(d) ? d : api_.ggml_cont(context_, d);
    ggml_tensor* by_heads = by_head(api_.ggml_reshape_3d(context_, whole, value, heads, tokens));
    ggml_tensor* all_d = api_.ggml_reshape_3d(context_, by_heads, value, tokens * group, kv_heads);
    ggml_tensor *dq = nullptr, *dk = nullptr, *dv = nullptr;
    const auto append = [this](ggml_tensor*& sum, ggml_tensor* next) {
      sum = sum == nullptr ? next : api_.ggml_concat(context_, sum, next, 2);
    };
    for (int64_t first = 0; first < kv_heads; first += step) {
      const Head h = one_by_one ? attend(first) : parts.front();
      ggml_tensor* dout = part(all_d, first, step);
      ggml_tensor* p = api_.ggml_reshape_3d(context_, h.p, tokens, tokens * group, step);
      append(dv, products_->tt(dout, p));
      ggml_tensor* dp = api_.ggml_reshape_3d(context_, products_->nt(h.v, dout), tokens, tokens, group * step);
      ggml_tensor* sums = api_.ggml_sum_rows(context_, api_.ggml_mul(context_, dp, h.p));
      ggml_tensor* ds = api_.ggml_mul(context_, api_.ggml_sub(context_, dp, sums), h.p);
      if (cap == 0) {
        if (scale != 1) ds = api_.ggml_scale(context_, ds, scale);
      } else {
        // d/ds of cap · tanh(scale · s / cap)
        ggml_tensor* slope = api_.ggml_scale_bias(context_, api_.ggml_sqr(context_, h.capped_tanh), -scale, scale);
        ds = api_.ggml_mul(context_, ds, slope);
      }
      ds = api_.ggml_reshape_3d(context_, ds, tokens, tokens * group, step);
      append(dq, products_->nn(h.k, ds));
      append(dk, products_->tt(h.q, ds));
    }
    add_gradient(q, by_token(dq, key, heads));
    add_gradient(k, by_token(dk, key, kv_heads));
    add_gradient(v, by_token(dv, value, kv_heads));
  });
  return out;
}

}  // namespace lathe
