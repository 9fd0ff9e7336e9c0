#include "kernels/attention.h"
#include "train/tape.h"

namespace lathe {
namespace {

float* floats(const ggml_tensor* t) { return static_cast<float*>(t->data); }

/// Results come first, then the sums.
void run_forward(ggml_tensor* out, int thread, int threads, void* data) {
  const auto& attention = *static_cast<const Attention*>(data);
  const ggml_tensor* q = out->src[0];
  float* sums = floats(out) + attention.value * q->ne[1] * q->ne[2];
  attention.forward({floats(q), floats(out->src[1]), floats(out->src[2])}, floats(out), sums, thread, threads);
}

/// Gradients of queries, keys and values, one behind the other.
void run_backward(ggml_tensor* out, int thread, int threads, void* data) {
  const auto& attention = *static_cast<const Attention*>(data);
  const ggml_tensor *q = out->src[0], *k = out->src[1], *v = out->src[2], *found = out->src[3], *d = out->src[4];
  const int64_t tokens = q->ne[2];
  float* dk = floats(out) + attention.key * attention.heads * tokens;
  float* dv = dk + attention.key * attention.kv_heads * tokens;
  const float* sums = floats(found) + attention.value * attention.heads * tokens;
  attention.backward({floats(q), floats(k), floats(v)}, {floats(found), sums}, floats(d), {floats(out), dk, dv}, thread,
                     threads);
}

}  // namespace

Var* Tape::cpu_attention(Var* q, Var* k, Var* v, const Sight& sight, float scale, float cap) {
  const auto whole = [&](ggml_tensor* t) { return api_.ggml_is_contiguous(t) ? t : api_.ggml_cont(context_, t); };
  const int64_t key = q->value->ne[0], value = v->value->ne[0], heads = q->value->ne[1], kv_heads = k->value->ne[1],
                tokens = q->value->ne[2];
  Attention& attention =
      attentions_.emplace_back(Attention{heads, kv_heads, key, value, scale, cap, sight.window, *sight.stretches});
  ggml_tensor* arguments[] = {whole(q->value), whole(k->value), whole(v->value)};
  ggml_tensor* found = api_.ggml_custom_4d(context_, GGML_TYPE_F32, (value + 1) * heads * tokens, 1, 1, 1, arguments, 3,
                                           run_forward, GGML_N_TASKS_MAX, &attention);
  ggml_tensor* joined =
      api_.ggml_view_2d(context_, found, value * heads, tokens, static_cast<size_t>(value * heads) * sizeof(float), 0);
  Var* out = make(joined, q->wanted || k->wanted || v->wanted);
  rule(out, [=, this, &attention](ggml_tensor* d) {
    ggml_tensor* given[] = {found->src[0], found->src[1], found->src[2], found, whole(d)};
    const int64_t lengths[] = {key * heads, key * kv_heads, value * kv_heads};
    ggml_tensor* back = api_.ggml_custom_4d(context_, GGML_TYPE_F32, (lengths[0] + lengths[1] + lengths[2]) * tokens, 1,
                                            1, 1, given, 5, run_backward, GGML_N_TASKS_MAX, &attention);
    Var* inputs[] = {q, k, v};
    int64_t first = 0;
    for (int i = 0; i < 3; ++i) {
      const ggml_tensor* of = found->src[i];
      add_gradient(inputs[i], api_.ggml_view_3d(context_, back, of->ne[0], of->ne[1], tokens, of->nb[1], of->nb[2],
                                                static_cast<size_t>(first) * sizeof(float)));
      first += lengths[i] * tokens;
    }
  });
  return out;
}

}  // namespace lathe
