#include "train/block.h"

namespace lathe {

Var* add_block(Tape& tape, const Family& f, int64_t layer, const BlockWeights& w, const RowTensors& row,
               const Dropout& drop, Var* x) {
  const int64_t tokens = x->value->ne[1];
  const auto normed = [&](Var* v, const Weight& weight) {
    return weight ? tape.rms_norm(v, weight, f.norm_epsilon) : v;
  };

  Var* h = normed(x, w.attention_norm);
  Var *q, *k, *v;
  if (w.query_key_value) {
    const int64_t query_size = f.heads * f.key_length, key_size = f.kv_heads * f.key_length,
                  value_size = f.kv_heads * f.value_length;
    const std::vector<Var*> parts =
        tape.split(tape.linear(w.query_key_value, h, drop.attention), {query_size, key_size, value_size});
    q = parts[0];
    k = parts[1];
    v = parts[2];
  } else {
    q = tape.linear(w.query, h, drop.attention);
    k = tape.linear(w.key, h, drop.attention);
    v = tape.linear(w.value, h, drop.attention);
  }
  q = normed(tape.reshape(q, f.key_length, f.heads, tokens), w.query_norm);
  k = normed(tape.reshape(k, f.key_length, f.kv_heads, tokens), w.key_norm);
  v = tape.reshape(v, f.value_length, f.kv_heads, tokens);
  const size_t index = static_cast<size_t>(layer);
  if (f.rotates[index]) {
    const Rope& rope = f.sliding[index] ? f.rope_sliding : f.rope;
    q = tape.rope(q, row.positions, row.factors, f, rope);
    k = tape.rope(k, row.positions, row.factors, f, rope);
  }
  Var* attended = tape.attention(q, k, v, row.sight, f.attention_scale, f.attention_softcap);
  Var* o = tape.linear(w.attention_output, attended, drop.attention_output);
  x = tape.add(x, normed(o, w.attention_post_norm));

  h = normed(x, w.feed_forward_norm);
  Var *gate, *up = tape.linear(w.up, h, drop.feed_forward);
  if (w.gate_in_up) {
    const int64_t half = up->value->ne[0] / 2;
    const std::vector<Var*> parts = tape.split(up, {half, half});
    gate = parts[0];
    up = parts[1];
  } else {
    gate = tape.linear(w.gate, h, drop.feed_forward);
  }
  Var* d = tape.linear(w.down, tape.gated(gate, up, f.gelu), drop.down);
  return tape.add(x, normed(d, w.feed_forward_post_norm));
}

}  // namespace lathe
